/** Returns the sentences of errors and log lines that are too long, as far as the source alone tells. */
export function checkMessages(): string[];

/** Returns the sentences of a source's texts that have too many words. */
export function longSentencesIn(source: string, tsx?: boolean): { words: number; sentence: string }[];
