// What the journals tell, in the oracle's terms: additions, runs, the lives of processes, and when each was disturbed.

/** In milliseconds: after a disturbance, what a process may need to reconnect and to find out what it has lost. */
const AFTERMATH = 1_500;
/** The same after a silence: a connection from before it is dead, which takes a worker up to 9 s to notice (docs/brokers.md). */
const SILENT_AFTERMATH = 10_000;
/** In milliseconds: between the end of a function and its settlement, on a busy machine. */
const SETTLEMENT = 1_000;
/** In milliseconds: how exactly a time without workers is measured. */
const LOOK = 100;

const slotOf = (who) => who.split('#')[0];

export class History {
  /** By id: `{ id, act, key, task, askedAt, answer?, answeredAt?, … }`. */
  additions = new Map();
  /** All calls that were asked: additions, cancellations, strikes, restores. */
  calls = [];
  /** By begin: `{ run, id, key, task, who, attempt, attempts, begin, end, how?, … }`. */
  runs = [];
  /** By process: `{ who, from, to, code, signal, isKilled, terminatedAt?, skew }`. */
  lives = new Map();
  /** Lines by which a worker says that a lease was lost: `{ at, who, key }`. */
  told = [];
  phases = {};

  constructor(entries) {
    this.entries = entries;
    this.settings = entries.find(({ what }) => what === 'trial') ?? {};
    this.spans = new Map();
    this.merged = new Map();
    const open = { calls: new Map(), runs: new Map(), faults: new Map() };
    for (const entry of entries) this.take(entry, open);
    this.end = entries.at(-1)?.at ?? 0;
    for (const { fault } of open.faults.values()) this.disturb(fault.on, fault.at, this.end);
    for (const run of this.runs) run.end ??= this.lives.get(run.who)?.to ?? Infinity;
    for (const [who, spans] of this.spans) this.spans.set(who, merge(spans));
    this.runsById = groupBy(this.runs, ({ id }) => id);
  }

  get lease() {
    return this.settings.lease;
  }

  take(entry, open) {
    const { at, who, what } = entry;
    const nameOfCall = `${who} ${entry.call}`;
    switch (what) {
      case 'ask': {
        const call = { ...entry, askedAt: at };
        open.calls.set(nameOfCall, call);
        this.calls.push(call);
        if (call.id !== undefined) this.additions.set(call.id, call);
        return;
      }
      case 'answer':
      case 'refused': {
        const call = open.calls.get(nameOfCall);
        Object.assign(call, { answeredAt: at, answer: entry.answer, error: entry.error, took: entry.took });
        call.key ??= entry.key;
        return;
      }
      case 'begin': {
        const run = { ...entry, begin: at };
        open.runs.set(entry.run, run);
        this.runs.push(run);
        return;
      }
      case 'end':
        Object.assign(open.runs.get(entry.run), { end: at, how: entry.how, error: entry.error });
        return;
      case 'abort':
        Object.assign(open.runs.get(entry.run), { abortedAt: at, why: entry.why });
        return;
      case 'told':
        this.told.push(entry);
        return;
      case 'started':
        this.lives.set(entry.process, { who: entry.process, from: at, skew: entry.skew ?? 0 });
        return;
      case 'ready':
        this.lifeOf(who).readyAt = at;
        return;
      case 'kill':
        this.lifeOf(entry.process).isKilled = true;
        return;
      case 'dying':
        this.lifeOf(who).isKilled = true;
        return;
      case 'term':
        this.lifeOf(entry.process).terminatedAt = at;
        return;
      case 'exit':
        Object.assign(this.lifeOf(entry.process), { to: at, code: entry.code, signal: entry.signal });
        return;
      case 'phase':
        this.phases[entry.phase] = at;
        return;
      case 'fault':
        open.faults.set(entry.number, { fault: entry });
        return;
      case 'healed': {
        const { fault } = open.faults.get(entry.number);
        open.faults.delete(entry.number);
        const aftermath = fault.kind === 'silence' ? SILENT_AFTERMATH : AFTERMATH;
        if (isDisturbing(fault)) this.disturb(fault.on, fault.at, at, aftermath);
        return;
      }
      case 'stall':
        this.disturb(who, entry.from, entry.to);
        return;
      case 'slow':
        this.disturb('server', entry.from, entry.to);
        return;
      default:
    }
  }

  lifeOf(who) {
    if (!this.lives.has(who)) this.lives.set(who, { who, from: 0, skew: 0 });
    return this.lives.get(who);
  }

  disturb(who, from, to, aftermath = AFTERMATH) {
    this.spans.set(who, [...(this.spans.get(who) ?? []), { from, to: to + aftermath }]);
  }

  /** Spans in which something was wrong with a process, the network of its slot or the server, with their aftermath. */
  disturbancesOf(who) {
    const of = (name) => this.spans.get(name) ?? [];
    let merged = this.merged.get(who);
    if (merged === undefined) this.merged.set(who, (merged = merge([...of(who), ...of(slotOf(who)), ...of('server')])));
    return merged;
  }

  isDisturbed(who, from, to = from) {
    return this.disturbancesOf(who).some((span) => span.from <= to && span.to >= from);
  }

  /** From when on a run may hold no lease: by what was done to its worker, or by a shutdown; Infinity where by nothing. */
  mayLoseAt(run) {
    return Math.min(this.disturbedAt(run), this.givenUpAt(run));
  }

  disturbedAt({ begin, end, who }) {
    for (const { from, to } of this.disturbancesOf(who)) {
      if (to < begin || from > end + SETTLEMENT) continue;
      if (from <= begin) return begin;
      // A lease was renewed no longer than a third of it before.
      if (to - from >= this.lease / 2) return from + this.lease / 2;
    }
    return Infinity;
  }

  /** A shutdown hands back what has not stopped in time, though the function may go on until its process has ended. */
  givenUpAt({ who, task, end }) {
    const { terminatedAt = Infinity } = this.lives.get(who) ?? {};
    const { gracePeriod, timeout } = this.settings.shutdown ?? {};
    const at = terminatedAt + (task === 'shielded' ? timeout : gracePeriod);
    return at <= end ? at : Infinity;
  }

  /** When the worker of a run died before it can be known to have settled it; Infinity where it did not. */
  diedAt({ who, how, end }) {
    const to = this.lives.get(who)?.to ?? Infinity;
    return how === undefined || to - end <= SETTLEMENT ? to : Infinity;
  }

  /** Whether for so long in this time there was no worker that nothing was done to. */
  wasWithoutWorkers(milliseconds, from, to) {
    const workers = [...this.lives.values()].filter(({ who, readyAt }) => who.startsWith('worker') && readyAt);
    let since = from;
    for (let at = from; at <= to; at += LOOK) {
      const isThere = workers.some(
        ({ who, readyAt, to: until = Infinity }) => readyAt <= at && until >= at && !this.isDisturbed(who, at),
      );
      if (isThere) since = at;
      else if (at - since >= milliseconds) return true;
    }
    return false;
  }

  /** Whether a worker said, in the time of its last disturbance or of this lease, that the lease of the key was lost. */
  wasToldLost({ key, who, begin }, since = begin - 2 * this.lease) {
    return this.told.some((line) => line.who === who && line.key === key && line.at >= since && line.at <= begin);
  }
}

/** A deploy is none to those who stay; a kill ends the life of its process, which is known. */
function isDisturbing({ kind }) {
  return !['kill', 'deploy', 'skew'].includes(kind);
}

function merge(spans) {
  const merged = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else merged.push({ ...span });
  }
  return merged;
}

export function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
