import assert from 'node:assert/strict';

const DEADLINE = 10_000;

/** Notes one line of what happened. */
export type Write = (line: string) => void;

let failed = 0;

/**
 * Runs `body` and compares what it writes with `expected`. Prints one line, and the difference below it.
 *
 * @param read what to compare in place of the lines themselves.
 */
export async function check(
  name: string,
  expected: string[],
  body: (write: Write) => Promise<void>,
  read: (lines: string[]) => string[] = (lines) => lines,
): Promise<void> {
  const lines: string[] = [];
  let deadline: NodeJS.Timeout | undefined;
  const isLate = new Promise<true>((resolve) => {
    deadline = setTimeout(resolve, DEADLINE, true);
  });
  const isDone = body((line) => void lines.push(line)).catch((error: unknown) => {
    lines.push(`(threw ${error instanceof Error ? error.stack : String(error)})`);
  });
  const late = await Promise.race([isDone, isLate]);
  clearTimeout(deadline);
  if (late) lines.push(`(not done after ${DEADLINE} ms)`);
  try {
    assert.deepEqual(read(lines), expected);
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${name}\n${String(error).replace(/^/gm, '  ')}`);
    if (late) process.exit(); // what hangs here would do so in the checks to come
  }
}

/** Runs a whole file of checks. When all are well, the process has to end on its own. */
export async function scenario(body: () => Promise<void>): Promise<void> {
  process.exitCode = 1; // should the process end too early
  await body();
  if (failed > 0) process.exit(1); // what hangs may hold it
  process.exitCode = 0;
}
