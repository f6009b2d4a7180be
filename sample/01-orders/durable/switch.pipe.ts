import { BadRequestException, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';

/** Checks `true` or `false`. A text is refused, for the reason that `WholeNumberPipe` gives. */
export class SwitchPipe implements PipeTransform<unknown, boolean> {
  transform(value: unknown, { data }: ArgumentMetadata): boolean {
    if (typeof value === 'boolean') return value;
    throw new BadRequestException(`${data} must be true or false`);
  }
}
