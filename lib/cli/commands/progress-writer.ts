import type { ExecutionSummary, ProgressView } from '../../operations/api.js';
import type { Session } from '../session.js';
import { shownText } from '../shown-text.js';
import { shownNumber, shownTime } from '../shown-values.js';
import type { Terminal } from '../terminal.js';

/** Writer of what an execution goes through. */
export interface ProgressWriter {
  write(execution: ExecutionSummary): void;
  end(): void;
}

/** Makes the writer that fits the output: JSON lines, a bar on a terminal, and plain lines elsewhere. */
export async function progressWriter(session: Session): Promise<ProgressWriter> {
  const { terminal, isJson } = session;
  if (isJson) return { write: (execution) => terminal.jsonLine(execution), end: () => {} };
  return terminal.isTerminal ? barWriter(terminal) : lineWriter(terminal);
}

/** Writes a line for each change. */
function lineWriter(terminal: Terminal): ProgressWriter {
  let last = '';
  return {
    write: (execution) => {
      const line = stateText(execution);
      if (line !== last) terminal.line(`${shownTime(new Date().toISOString())}  ${line}`);
      last = line;
    },
    end: () => {},
  };
}

async function barWriter({ output }: Terminal): Promise<ProgressWriter> {
  const { SingleBar } = (await import('cli-progress')).default;
  const bar = new SingleBar({
    stream: output,
    hideCursor: true,
    // Ctrl-C is the command's to handle.
    gracefulExit: false,
    format: '{bar} {percentage}%  {text}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    linewrap: false,
  });
  bar.start(100, 0, { text: '' });
  return {
    write: (execution) => {
      const { total, current } = execution.progress ?? { total: 100, current: 0 };
      const isDone = execution.state === 'completed';
      bar.setTotal(Math.max(1, total));
      bar.update(isDone ? Math.max(1, total) : Math.min(current, total), { text: stateText(execution) });
    },
    end: () => bar.stop(),
  };
}

function stateText({ state, progress, reason, attempt }: ExecutionSummary): string {
  const parts = [state, ...(attempt > 1 ? [`attempt ${attempt}`] : []), ...progressTexts(progress), reason ?? ''];
  return shownText(parts.filter((part) => part !== '').join('  '));
}

function progressTexts(progress: ProgressView | undefined): string[] {
  if (progress === undefined) return [];
  return [`${shownNumber(progress.current)}/${shownNumber(progress.total)}`, progress.message ?? ''];
}
