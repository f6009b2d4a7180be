import { BadRequestException, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';

/**
 * Checks a whole number from 1. A text is refused: a form of another site can send nothing else, because a browser sends JSON to
 * another origin only after that has agreed.
 */
export class WholeNumberPipe implements PipeTransform<unknown, number> {
  constructor(private readonly max: number) {}

  transform(value: unknown, { data }: ArgumentMetadata): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= this.max) return value;
    throw new BadRequestException(`${data} must be a whole number from 1 to ${this.max}`);
  }
}
