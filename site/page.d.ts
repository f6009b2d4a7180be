/** Text of a page of docs/ as a page of the site. */
export function pageOf(text: string): string;
