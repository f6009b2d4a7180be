import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const DEADLINE = 600_000;

/** Runs a program to its end, without the flags that this process was given. */
export async function run(command, args, cwd, more = {}) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(command, args, {
    cwd,
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE,
    killSignal: 'SIGKILL',
    shell: process.platform === 'win32' && ['npm', 'npx'].includes(command),
  });
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code: code ?? signal, stdout, stderr };
}

/** The same for a program that has to succeed. */
export async function runWell(command, args, cwd, more) {
  const { code, stdout, stderr } = await run(command, args, cwd, more);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}
