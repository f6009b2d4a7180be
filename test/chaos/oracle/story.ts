import type { Entry } from './oracle.js';

let calls = 0;
let runs = 0;

export function entry(at: number, who: string, what: string, fields = {}): Entry {
  return { at, who, what, ...fields };
}

/** A call of a producer, and 10 ms later what came of it. */
export function call(at: number, act: string, { answer, error, took, ...fields }: Record<string, unknown>): Entry[] {
  const which = { act, call: (calls += 1) };
  const who = 'producer0#1';
  return [
    entry(at, who, 'ask', { ...which, ...fields }),
    error === undefined
      ? entry(at + 10, who, 'answer', { ...which, answer, ...(fields['key'] !== undefined && { key: fields['key'] }) })
      : entry(at + 10, who, 'refused', { ...which, error, took }),
  ];
}

export function add(at: number, id: string, fields: Record<string, unknown> = {}): Entry[] {
  return call(at, String(fields['act'] ?? 'add'), {
    answer: 'scheduled',
    id,
    key: `k.${id}`,
    task: 'plain',
    ...fields,
  });
}

/** A run, which has no end where `to` is left out. */
export function run(who: string, from: number, to: number | undefined, fields: Record<string, unknown>): Entry[] {
  const { how = 'ok', ...rest } = fields;
  const of = { run: `run ${(runs += 1)}`, id: rest['id'], key: rest['key'] ?? `k.${String(rest['id'])}` };
  return [
    entry(from, who, 'begin', { attempt: 1, attempts: 1, task: 'plain', isAborted: false, ...rest, ...of }),
    ...(to === undefined ? [] : [entry(to, who, 'end', { ...of, how })]),
  ];
}

/** The end of a process by kill -9. */
export function death(who: string, to: number): Entry[] {
  return [
    entry(to, 'trial', 'kill', { process: who }),
    entry(to, 'trial', 'exit', { process: who, code: null, signal: 'SIGKILL' }),
  ];
}

let faults = 0;

export function fault(from: number, to: number, kind: string, on: string): Entry[] {
  const number = (faults += 1);
  return [entry(from, 'trial', 'fault', { number, kind, on }), entry(to, 'trial', 'healed', { number })];
}

/** Journals of a run in which all went well: a chain, an automatic one, and a producer that was cut off for a moment. */
export function soundRun(): Entry[] {
  const chain = (id: string, key: string): Entry[] =>
    [0, 1, 2, 3].flatMap((number) =>
      run('worker0#1', 3_000 + number * 9_000, 3_100 + number * 9_000, {
        id: `${id}+${number}`,
        key,
        chain: id,
        number,
        task: 'tick',
      }),
    );
  const phases = { faults: 1_000, calm: 30_000, drain: 40_000, forgetting: 45_000, end: 50_000 };
  return [
    entry(0, 'trial', 'trial', {
      lease: 2_000,
      retention: 1_000,
      every: 9_000,
      automaticEvery: 9_000,
      shutdown: { gracePeriod: 500, timeout: 6_000 },
    }),
    ...['worker0#1', 'worker1#1', 'worker2#1', 'producer0#1'].map((process) =>
      entry(1, 'trial', 'started', { process, skew: 0 }),
    ),
    ...['worker0#1', 'worker1#1', 'worker2#1'].map((who) => entry(500, who, 'ready')),
    ...Object.entries(phases).map(([phase, at]) => entry(at, 'trial', 'phase', { phase })),
    ...fault(20_000, 21_000, 'cut', 'producer1'),
    ...add(2_000, 'k.chain.0', { task: 'tick', key: 'k.chain.0' }),
    ...chain('k.chain.0', 'k.chain.0'),
    ...chain('automatic', 'chaos.automatic'),
    entry(46_000, 'trial', 'contents', { items: [{ name: 'nestjs_tasks:tasks:meta', expires: false }] }),
  ].toSorted((a, b) => a.at - b.at);
}
