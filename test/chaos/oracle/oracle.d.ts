/** One line of a journal. */
export interface Entry {
  /** In milliseconds, by the monotonic clock. */
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly [field: string]: unknown;
}

export interface Finding {
  readonly rule: string;
  readonly at: number;
  readonly text: string;
}

export interface Figures {
  readonly acknowledged: number;
  readonly repeats: Readonly<Record<string, number>>;
  readonly recoveries: { readonly count: number; readonly p50: number; readonly p95: number; readonly most: number };
}

export const RULES: Readonly<Record<string, unknown>>;

export function judge(entries: readonly Entry[]): { findings: Finding[]; figures: Figures };
