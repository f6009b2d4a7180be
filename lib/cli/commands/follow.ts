import { fromEvent, lastValueFrom } from 'rxjs';
import { takeUntil, tap } from 'rxjs/operators';
import { summaryOf } from '../../operations/execution-json.js';
import { Execution } from '../../queue/client/execution.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { OpenQueue } from '../open-queue.js';
import type { Session } from '../session.js';
import { shownText } from '../shown-text.js';
import { errorText } from './execution-table.js';
import { progressWriter } from './progress-writer.js';

/** Follows an execution to its end, as the output can show it. @returns 0 for one that has completed. */
export async function follow(session: Session, { queue }: OpenQueue, key: string): Promise<ExitCode> {
  const execution = await queue.get(key);
  if (execution === undefined) {
    session.terminal.note(shownText(`No execution ${key} is known`));
    return EXIT.refused;
  }
  return session.interruptibly(async (signal) => {
    const writer = await progressWriter(session);
    try {
      const events = execution.events$.pipe(
        tap(() => writer.write(summaryOf(Execution.recordOf(execution)))),
        takeUntil(fromEvent(signal, 'abort')),
      );
      await lastValueFrom(events, { defaultValue: undefined });
    } finally {
      writer.end();
    }
    if (signal.aborted) return EXIT.interrupted;
    const { state, error, reason } = summaryOf(Execution.recordOf(execution));
    if (state === 'completed') return EXIT.done;
    const why = error === undefined ? reason : errorText(error);
    session.terminal.note(shownText(`${key} ended ${state}${why === undefined ? '' : `: ${why}`}`));
    return EXIT.refused;
  });
}
