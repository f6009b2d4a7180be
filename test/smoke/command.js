import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const DEADLINE = 60_000;

/** Runs a program to its end, without the flags that this process was given. */
export async function run(command, args, cwd) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE,
    killSignal: 'SIGKILL',
    shell: process.platform === 'win32' && command === 'npm',
  });
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code: code ?? signal, stdout, stderr };
}

/** The same for a program that has to succeed. */
export async function runWell(command, args, cwd) {
  const { code, stdout, stderr } = await run(command, args, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}
