// The only thing that the oracle reads: each process appends what it does to a file of its own, one JSON line each.
import { openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';

// Kept before skew.js moves it.
const wallClock = globalThis.chaosWallClock ?? Date.now;

/** Milliseconds by the monotonic clock of the machine, which all its processes share. */
export function now() {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

export class Journal {
  constructor(folder, who) {
    this.who = who;
    this.file = openSync(join(folder, `${who}.jsonl`), 'a');
  }

  /** Returns the time of the entry. The line is in the file before that, so that no kill can lose it. */
  write(what, fields = {}) {
    const at = now();
    writeSync(this.file, `${JSON.stringify({ at, wall: wallClock(), who: this.who, what, ...fields })}\n`);
    return at;
  }
}

/** Reads the entries of all processes, by time. */
export function readJournals(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => parse(readFileSync(join(folder, name), 'utf8')))
    .toSorted((a, b) => a.at - b.at);
}

/** What follows the last line break was being written when its process died. */
function parse(text) {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
