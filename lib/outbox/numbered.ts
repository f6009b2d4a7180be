/** Returns a statement with `$1`, `$2` … in place of each `?`. Statements of the outbox hold no other question mark. */
export function numbered(statement: string): string {
  let count = 0;
  return statement.replaceAll('?', () => `$${(count += 1)}`);
}
