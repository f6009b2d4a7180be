import type { ErrorDetail, ExecutionDetail, TrailView } from '../../operations/api.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { shownLines, shownText } from '../shown-text.js';
import { shownDuration, shownNumber, shownTime } from '../shown-values.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';
import { errorText, STATE_STYLES } from './execution-table.js';

/** Depth to which causes are followed. Some errors are their own cause. */
const MAX_CAUSES = 8;

const TRAIL: readonly Column<TrailView>[] = [
  { title: 'AT', cell: ({ at }) => shownTime(at) },
  { title: 'WHAT', cell: ({ type, times }) => (times === undefined ? type : `${type} ×${times}`) },
  { title: 'WORKER', cell: ({ worker = '' }) => worker },
  { title: 'REASON', cell: ({ reason }) => reason },
];

export function explain(session: Session, _options: object, key: string): Promise<ExitCode> {
  return session.inQueue(async ({ views }) => {
    const detail = await views.execution({ key });
    if (detail === undefined) {
      session.terminal.note(shownText(`No execution ${key} is known`));
      return EXIT.refused;
    }
    if (session.isJson) session.terminal.json(detail);
    else write(session.terminal, detail);
    return EXIT.done;
  });
}

function write(terminal: Terminal, detail: ExecutionDetail): void {
  const { key, task, state, trail, error, logs } = detail;
  terminal.line(`${shownText(key)}  ${shownText(task)}  ${paintState(terminal, state)}`);
  for (const [name, value] of factsOf(detail))
    terminal.line(`  ${terminal.paint('dim', name.padEnd(9))} ${shownText(value)}`);
  if (trail.length > 0) section(terminal, 'Trail', () => terminal.table(TRAIL, trail));
  if (error !== undefined) section(terminal, 'Error', () => writeError(terminal, error));
  if (logs.length > 0) {
    section(terminal, 'Logs', () => {
      for (const { at, level, message } of logs)
        terminal.line(`${shownTime(at)}  ${shownText(level)}  ${shownText(message)}`);
    });
  }
}

function paintState({ paint }: Terminal, state: ExecutionDetail['state']): string {
  const style = STATE_STYLES[state];
  return style === undefined ? state : paint(style, state);
}

function section(terminal: Terminal, title: string, writeBody: () => void): void {
  terminal.line();
  terminal.line(terminal.paint('bold', title));
  writeBody();
}

function factsOf(detail: ExecutionDetail): [name: string, value: string][] {
  const { id, call, attempt, priority, when, addedAt, startedAt, endedAt, worker, reason, progress } = detail;
  const ran =
    startedAt === undefined || endedAt === undefined ? '' : shownDuration(Date.parse(endedAt) - Date.parse(startedAt));
  const facts: [string, string][] = [
    ['id', id],
    ['call', call ?? ''],
    ['attempt', shownNumber(attempt)],
    ['priority', priority === 0 ? '' : shownNumber(priority)],
    ['added', shownTime(addedAt)],
    ['due', shownTime(when)],
    ['started', shownTime(startedAt)],
    ['ended', `${shownTime(endedAt)}${ran === '' ? '' : ` after ${ran}`}`],
    ['worker', worker ?? ''],
    ['reason', reason ?? ''],
    ['progress', progress === undefined ? '' : `${progress.current}/${progress.total} ${progress.message ?? ''}`],
  ];
  return facts.filter(([, value]) => value !== '');
}

function writeError(terminal: Terminal, error: ErrorDetail, depth = 0): void {
  const { stack, code, cause, errors = [] } = error;
  terminal.line(terminal.paint('red', shownText(`${depth === 0 ? '' : 'Caused by '}${errorText(error)}`)));
  if (code !== undefined) terminal.line(`  code ${shownText(String(code))}`);
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  if (frames.length > 0) terminal.line(terminal.paint('dim', shownLines(frames.join('\n'))));
  if (depth === MAX_CAUSES) return;
  for (const each of [...errors, ...(cause === undefined ? [] : [cause])]) writeError(terminal, each, depth + 1);
}
