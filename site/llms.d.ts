/** First sentence of the first paragraph, as plain text. */
export function summaryOf(text: string): string;
