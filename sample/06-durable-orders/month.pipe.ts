import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/;

/** Reads a month such as 2026-10: each becomes a hundred executions. */
@Injectable()
export class MonthPipe implements PipeTransform<string, string> {
  transform(month: string): string {
    if (!MONTH.test(month)) throw new BadRequestException('The month must be as 2026-10');
    return month;
  }
}
