/** Reasons not to publish this package, one line each, with the remedy. */
export function reasonsAgainst(manifest: { version: string; repository: { url: string } }, changelog: string): string[];
