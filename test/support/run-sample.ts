import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll } from '@jest/globals';

export interface SampleRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Runs a built sample to its end. One that a test has no more time for is killed after the tests of the file. */
export async function runSample(main: string, env: NodeJS.ProcessEnv = process.env): Promise<SampleRun> {
  const child = spawn(process.execPath, [main], { env });
  running.add(child);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  running.delete(child);
  return { stdout, stderr, code: code as number };
}

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill();
});
