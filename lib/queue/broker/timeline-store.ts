/** Milliseconds. */
export const MINUTE = 60_000;

/** Time for which counts of a minute are kept, in milliseconds: 72 hours. */
export const TIMELINE_RETENTION = 72 * 60 * MINUTE;

/** Counts of one process in a minute, as text. */
export interface MinuteRecord {
  /** Minutes since the epoch. */
  readonly minute: number;
  /** Name of the record, which no other one of the minute has. */
  readonly source: string;
  readonly text: string;
}

/** Counts of processes, minute by minute, for {@link TIMELINE_RETENTION}. */
export interface TimelineStore {
  /** Writes a record; the same one again has no further effect. */
  write(record: MinuteRecord): Promise<void>;
  /** Returns the records of the minutes from `from` up to, and without, `to`, in no particular order. */
  read(from: number, to: number): Promise<MinuteRecord[]>;
}

/** Splits minutes into parts that are read one after the other. */
export function* minutesIn(from: number, to: number, most: number): Generator<number[]> {
  for (let first = from; first < to; first += most) {
    yield Array.from({ length: Math.min(most, to - first) }, (_, at) => first + at);
  }
}
