import { Injectable } from '@nestjs/common';

/** What happens in the application, printed as it happens. */
@Injectable()
export class Timeline {
  private since = performance.now();

  /** Begins anew. */
  begin(title: string): void {
    this.since = performance.now();
    console.log(`\n${title}`);
  }

  note(moment: string, what: string): void {
    const ms = Math.round(performance.now() - this.since);
    console.log(`${String(ms).padStart(6)} ms  ${moment.padEnd(15)} ${what}`);
  }
}
