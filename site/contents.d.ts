export interface Group {
  text: string;
  pages: string[];
}

export const GROUPS: Group[];

/** Names of the pages of docs/. */
export function pagesOf(folder?: string): string[];

/** Differences between the groups and the pages, one line each. */
export function mistakesIn(groups: readonly Group[], pages: readonly string[]): string[];

/** Text of the first heading. */
export function titleOf(page: string, folder?: string): string;
