import { describe, expect, it } from '@jest/globals';
import { judge, RULES, type Entry } from './oracle.js';
import { add, call, entry, fault, death, run, soundRun } from './story.js';

/** Rules that are broken when these entries stand in a run that is sound without them. */
function verdict(...entries: (Entry | Entry[])[]): string[] {
  const { findings } = judge([...soundRun(), ...entries.flat()].toSorted((a, b) => a.at - b.at));
  return [...new Set(findings.map(({ rule }) => rule))];
}

const [A, B] = ['worker0#1', 'worker1#1'];
const plain = add(5_000, 'x');
/** Of what was added as 'x'. */
const ran = (who: string, from: number, to?: number, fields = {}): Entry[] =>
  run(who, from, to, { id: 'x', ...fields });
const stoppedAt = (at: number, begun: Entry[]): Entry[] => [
  ...begun,
  entry(at, A, 'abort', { run: begun[0]?.['run'], why: ['TaskCancelledError'] }),
];
const stopped = fault(6_000, 11_000, 'stop', 'worker0');
const limited = (who: string, id: string, from: number, to: number): Entry[] => [
  ...add(5_000, id, { task: 'limitedToOne' }),
  ...run(who, from, to, { id, task: 'limitedToOne', pool: 'p', max: 1 }),
];
const parts = { act: 'after', parts: ['k.y'], task: 'finalize' };
const part = (how?: string): Entry[] => [
  ...add(5_000, 'y', { task: 'part' }),
  ...run(A, 6_000, 6_100, { id: 'y', how }),
];
const told = (status: string, fields = {}): Entry[] => [
  ...add(5_100, 'x', parts),
  ...ran(A, 7_000, 7_100, { outcomes: [{ key: 'k.y', status, ...fields }] }),
];
const notFound = { error: 'ExecutionNotFoundError: The queue knows no execution' };
const tick = (who: string, from: number, number: number): Entry[] =>
  run(who, from, from + 100, { id: `k.chain.0+${number}`, key: 'k.chain.0', chain: 'k.chain.0', number, task: 'tick' });

/** Each with what breaks it. */
const BROKEN: [rule: string, what: string, entries: (Entry | Entry[])[]][] = [
  ['lost', 'an addition that never runs', [plain]],
  ['lost', 'one whose last run died', [plain, ran(A, 6_000), death(A, 6_500)]],
  ['lost', 'one that failed with attempts left', [plain, ran(A, 6_000, 6_100, { how: 'threw', attempts: 4 })]],
  ['lost', 'one of which cancel() knew nothing', [plain, call(5_500, 'cancel', { key: 'k.x', answer: 'not-found' })]],
  [
    'lost',
    'one that was cancelled before it was added',
    [plain, call(4_000, 'cancel', { key: 'k.x', answer: 'cancelled' })],
  ],
  ['ran unasked', 'a run of what nobody has added', [ran(A, 6_000, 6_100)]],
  [
    'ran unasked',
    'a run of what was there already',
    [add(5_000, 'x', { answer: 'already-scheduled' }), ran(A, 6_000, 6_100)],
  ],
  [
    'ran though cancelled',
    'a run that begins after cancel()',
    [plain, call(5_500, 'cancel', { key: 'k.x', answer: 'cancelled' }), ran(A, 6_000, 6_100)],
  ],
  [
    'ran though cancelled',
    'a run that was signalled and never stops',
    [plain, call(5_500, 'cancel', { key: 'k.x', answer: 'signalled' }), ran(A, 6_000, 6_100)],
  ],
  [
    'ran though struck',
    'a run under a strike that holds',
    [
      call(4_000, 'strike', { group: 'g', mode: 'hold', answer: 'struck' }),
      add(5_000, 'x', { group: 'g' }),
      ran(A, 6_000, 6_100, { group: 'g' }),
      call(9_000, 'restore', { group: 'g', answer: true }),
    ],
  ],
  ['ran too early', 'a run before its time', [add(5_000, 'x', { when: 2_000 }), ran(A, 6_000, 6_100)]],
  ['ran again', 'a second run after the first', [plain, ran(A, 6_000, 6_100), ran(B, 9_000, 9_100)]],
  [
    'ran again',
    'one long after the worker of the first had gone',
    [plain, ran(A, 6_000, 6_100), death(A, 9_000), ran(B, 9_500, 9_600)],
  ],
  [
    'ran again',
    'one after a shutdown of the worker of the first, which had ended before',
    [
      plain,
      ran('worker2#1', 6_000, 6_100),
      entry(9_000, 'trial', 'term', { process: 'worker2#1' }),
      ran(B, 12_000, 12_100),
    ],
  ],
  [
    'ran again',
    'one of a worker that had stood still, when the first had ended well',
    [plain, stopped, ran(B, 8_000, 8_100), ran(A, 11_100, 11_200)],
  ],
  ['wrong attempt', 'a second attempt without a first that failed', [plain, ran(A, 6_000, 6_100, { attempt: 2 })]],
  ['keys overlapped', 'two runs side by side', [plain, ran(A, 6_000, 7_000), ran(B, 6_500, 7_500)]],
  [
    'keys overlapped',
    'a run of a replacement beside the old one',
    [
      plain,
      ran(A, 6_000, 7_000),
      call(5_500, 'replace', { id: 'z', key: 'k.x', answer: 'scheduled' }),
      run(B, 6_500, 7_500, { id: 'z', key: 'k.x' }),
    ],
  ],
  [
    'keys overlapped',
    'a run that begins when its worker wakes up, beside one under a lease',
    [plain, stopped, ran(B, 10_000, 12_000), ran(A, 11_010, 11_100)],
  ],
  [
    'keys overlapped',
    'a run beside a shielded one that a shutdown waits for',
    [
      plain,
      ran('worker2#1', 6_000, 8_000, { task: 'shielded' }),
      entry(7_000, 'trial', 'term', { process: 'worker2#1' }),
      ran(B, 7_600, 7_700),
    ],
  ],
  ['limit exceeded', 'two runs of a limit of one', [limited(A, 'x', 6_000, 7_000), limited(B, 'y', 6_500, 7_500)]],
  [
    'poison not given up',
    'a sixth start',
    [add(5_000, 'x', { task: 'poison' }), [6, 7, 8, 9, 10, 11].flatMap(poisoned)],
  ],
  ['begun though aborted', 'a run with an aborted signal', [plain, ran(A, 6_000, 6_100, { isAborted: true })]],
  ['chain broken', 'a number that is left out', [tick(A, 33_000, 4), tick(A, 35_000, 6)]],
  ['chain broken', 'a chain that begins again', [tick(A, 33_000, 0)]],
  ['chain broken', 'an automatic one that begins again', [automatic(33_000)]],
  [
    'chain lost',
    'a chain that stands still',
    [add(2_000, 'k.chain.9', { task: 'tick', key: 'k.chain.9' }), chainStart()],
  ],
  ['false outcome', 'a failure of what succeeded', [part('ok'), told('failed', notFound)]],
  ['false outcome', 'a success of what failed', [part('threw'), told('succeeded', { value: 'y' })]],
  ['false outcome', 'a value of another', [part('ok'), told('succeeded', { value: 'z' })]],
  ['false outcome', 'a cancellation that nobody has asked for', [part('ok'), told('cancelled')]],
  ['false outcome', 'a missing outcome', [part('ok'), add(5_100, 'x', parts), ran(A, 7_000, 7_100, { outcomes: [] })]],
  [
    'fan-in too early',
    'a follower that does not wait',
    [add(5_000, 'y', { task: 'part' }), run(A, 7_500, 7_600, { id: 'y' }), told('succeeded', { value: 'y' })],
  ],
  [
    'not quiet',
    'an execution that is left',
    [entry(44_000, 'operator#1', 'busy', { left: ['parked chaos.plain k.x'] })],
  ],
  [
    'left behind',
    'a key that stays',
    [entry(46_500, 'trial', 'contents', { items: [{ name: 'nestjs_tasks:tasks:17', expires: false }] })],
  ],
  [
    'left behind',
    'a row that stays',
    [entry(46_500, 'trial', 'contents', { items: [{ name: 'nestjs_tasks_note', kind: 'map:x', expires: false }] })],
  ],
  [
    'process ended',
    'an exit that nobody has caused',
    [entry(7_000, 'trial', 'exit', { process: 'worker2#1', code: 70, signal: null })],
  ],
  [
    'process ended',
    'an unhandled rejection',
    [entry(7_000, A, 'uncaught', { error: { name: 'TypeError', message: 'x' } })],
  ],
  ['process ended', 'one that does not end', [entry(47_000, 'trial', 'stuck', { process: A })]],
  ['healthy lease lost', 'a lost lease without a fault', [entry(7_000, A, 'told', { key: 'k.x' })]],
  [
    'call unsound',
    'an error of the driver',
    [call(5_000, 'strike', { group: 'g', error: { name: 'Error', message: 'Query read timeout' } })],
  ],
  [
    'call unsound',
    'a refusal that takes long',
    [call(5_000, 'cancel', { key: 'k.x', error: { name: 'BrokerUnavailableError' }, took: 9_000 })],
  ],
  [
    'call unsound',
    'a call without an answer',
    [entry(5_000, 'producer0#1', 'ask', { call: 99, act: 'cancel', key: 'k.x' })],
  ],
  [
    'recovered late',
    'a recovery of more than two leases',
    [plain, ran('worker2#1', 6_000), death('worker2#1', 6_500), ran(B, 12_000, 12_100)],
  ],
  [
    'waited for a lock',
    'a session that waits',
    [entry(7_000, 'trial', 'wait', { waited: 1_500, query: 'x', blockers: 1 })],
  ],
  ['deadlock', 'a line of the log', [entry(7_000, 'trial', 'deadlock', { line: 'deadlock detected' })]],
  ['run incomplete', 'a harness that breaks', [entry(7_000, 'trial', 'broken', { error: 'x' })]],
];

function poisoned(second: number): Entry[] {
  const who = `worker2#${second}`;
  const at = second * 1_000;
  return [...run(who, at, undefined, { id: 'x', task: 'poison' }), ...death(who, at + 10)];
}

function automatic(at: number): Entry[] {
  return run(A, at, at + 50, { id: `automatic ${at}+0`, key: 'chaos.automatic', chain: 'automatic', number: 0 });
}

function chainStart(): Entry[] {
  return run(A, 3_000, 3_100, { id: 'k.chain.9+0', key: 'k.chain.9', chain: 'k.chain.9', number: 0, task: 'tick' });
}

/** What happens in a sound run with faults, and must not be taken for one. */
const EXPLAINED: [what: string, entries: (Entry | Entry[])[]][] = [
  [
    'a run that begins while the signal of its cancellation is on its way',
    [
      plain,
      call(5_500, 'cancel', { key: 'k.x', answer: 'signalled' }),
      stoppedAt(5_650, ran(A, 5_600, 5_700, { how: 'aborted' })),
    ],
  ],
  ['a run that ends well', [plain, ran(A, 6_000, 6_100)]],
  ['a last attempt that fails', [plain, ran(A, 6_000, 6_100, { how: 'threw' })]],
  [
    'an addition that was refused',
    [call(5_000, 'add', { id: 'x', error: { name: 'BrokerUnavailableError' }, took: 2_000 })],
  ],
  [
    'one that was refused and runs all the same',
    [call(5_000, 'add', { id: 'x', error: { name: 'BrokerUnavailableError' }, took: 2_000 }), ran(A, 6_000, 6_100)],
  ],
  ['one that was cancelled', [plain, call(5_500, 'cancel', { key: 'k.x', answer: 'cancelled' })]],
  [
    'one that was replaced',
    [
      plain,
      call(5_500, 'replace', { id: 'z', key: 'k.x', answer: 'scheduled' }),
      run(A, 6_000, 6_100, { id: 'z', key: 'k.x' }),
    ],
  ],
  [
    'a retry',
    [plain, ran(A, 6_000, 6_100, { how: 'threw', attempts: 2 }), ran(B, 7_000, 7_100, { attempt: 2, attempts: 2 })],
  ],
  [
    'a run after the death of its worker',
    [plain, ran('worker2#1', 6_000), death('worker2#1', 6_500), ran(B, 8_000, 8_100)],
  ],
  ['a run beside that of a worker that stands still', [plain, stopped, ran(A, 5_500, 11_500), ran(B, 8_500, 8_600)]],
  [
    'a run beside one that a shutdown has given up, before its process has ended',
    [
      plain,
      ran('worker2#1', 6_000),
      entry(7_000, 'trial', 'term', { process: 'worker2#1' }),
      ran(B, 7_600, 7_700),
      death('worker2#1', 7_800),
    ],
  ],
  ['a lease that was lost by standing still', [stopped, entry(11_000, A, 'told', { key: 'k.x' })]],
  [
    'a limit beside a worker that stands still',
    [stopped, limited(A, 'x', 5_500, 11_500), limited(B, 'y', 8_500, 8_600)],
  ],
  [
    'an automatic chain that begins again when no worker was there',
    [[A, B, 'worker2#1'].flatMap((who) => fault(31_000, 36_000, 'stop', who.split('#')[0] ?? '')), automatic(38_000)],
  ],
  ['a true outcome', [part('ok'), told('succeeded', { value: 'y' })]],
  ['a true failure', [part('threw'), told('failed', { error: 'Error: y fails' })]],
  [
    'an end that was forgotten before anybody asked',
    [
      part('ok'),
      add(7_500, 'x', parts),
      ran(A, 8_000, 8_100, { outcomes: [{ key: 'k.y', status: 'failed', ...notFound }] }),
    ],
  ],
  ['what expires', [entry(46_500, 'trial', 'contents', { items: [{ name: 'nestjs_tasks:tasks/x', expires: true }] })]],
  [
    'a wait while a worker stands still',
    [stopped, entry(9_000, 'trial', 'wait', { waited: 1_500, query: 'x', blockers: 1 })],
  ],
];

describe('the oracle of a chaos run', () => {
  it('finds nothing in a sound run', () => expect(verdict()).toEqual([]));

  it.each(BROKEN)('finds what breaks %j: %s', (rule, _what, entries) => {
    expect(verdict(...entries)).toContain(rule);
  });

  it.each(EXPLAINED)('accepts %s', (_what, entries) => {
    expect(verdict(...entries)).toEqual([]);
  });

  it('has a case for each rule', () => {
    expect(new Set(BROKEN.map(([rule]) => rule))).toEqual(new Set(Object.keys(RULES)));
  });

  it('takes no run for sound that was not done to its end', () => {
    const { findings } = judge(soundRun().filter(({ phase }) => phase !== 'forgetting'));
    expect(findings.map(({ rule }) => rule)).toContain('run incomplete');
  });

  it('measures recoveries, and counts runs by what explains them', () => {
    const entries = [plain, ran('worker2#1', 6_000), death('worker2#1', 6_500), ran(B, 8_000, 8_100)].flat();
    const { figures } = judge([...soundRun(), ...entries].toSorted((a, b) => a.at - b.at));
    expect(figures.recoveries).toEqual({ count: 1, p50: 1_500, p95: 1_500, most: 1_500 });
    expect(figures.repeats).toEqual({ death: 1 });
  });
});
