import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionSummary, PauseView, StatsView, WorkerView } from '../../operations/api.js';
import { executionQueryOf } from '../../operations/execution-query.js';
import { LIVE_STATES } from '../../queue/broker/record.js';
import { parseDuration } from '../../task/duration.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { OpenQueue } from '../open-queue.js';
import type { Session } from '../session.js';
import { shownCount, shownTime } from '../shown-values.js';
import { LIVE_COLUMNS } from './execution-table.js';
import { writeStats } from './stats.js';

interface SnapshotOptions {
  readonly limit: string;
  readonly watch?: boolean;
  readonly interval: string;
}

/** Fleet at one moment, as `--json` prints it. */
interface SnapshotView {
  readonly taken: string;
  readonly stats: StatsView;
  readonly pause?: PauseView;
  readonly executions: readonly ExecutionSummary[];
  readonly workers: readonly WorkerView[];
}

export function snapshot(session: Session, { limit, watch = false, interval }: SnapshotOptions): Promise<ExitCode> {
  const most = executionQueryOf({ limit }).limit ?? 50;
  const pause = parseDuration('--interval', interval, 100);
  return session.inQueue(async (open) => {
    if (!watch) {
      const view = await look(open, most);
      if (session.isJson) session.terminal.json(view);
      else write(session, view);
      return EXIT.done;
    }
    return session.interruptibly(async (signal) => {
      while (!signal.aborted) {
        const view = await look(open, most);
        if (session.isJson) session.terminal.jsonLine(view);
        else {
          session.terminal.clear();
          write(session, view);
          if (!session.terminal.isTerminal) session.terminal.line();
        }
        await sleep(pause, undefined, { signal }).catch(() => {}); // ends by the signal alone
      }
      return EXIT.done;
    });
  });
}

async function look({ views }: OpenQueue, limit: number): Promise<SnapshotView> {
  const [stats, pause, workers, page] = await Promise.all([
    views.stats(),
    views.pause(),
    views.workers(),
    views.executions({ state: LIVE_STATES, limit }),
  ]);
  const taken = new Date().toISOString();
  return { taken, stats, ...(pause !== undefined && { pause }), executions: page.executions, workers };
}

function write({ terminal }: Session, { taken, stats, pause, executions, workers }: SnapshotView): void {
  const { scheduled, waiting, parked, running, retrying } = stats.total;
  const total = scheduled + waiting + parked + running + retrying;
  terminal.line(`${shownTime(taken)}  ${shownCount(total, 'execution')}, ${shownCount(workers.length, 'worker')}`);
  terminal.line();
  writeStats(terminal, stats, pause);
  if (executions.length === 0) return;
  terminal.line();
  terminal.table(LIVE_COLUMNS, executions);
  if (executions.length < total) terminal.line(terminal.paint('dim', `… of ${shownCount(total, 'execution')}`));
}
