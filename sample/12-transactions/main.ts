import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Time without a server, for the page to show it, in milliseconds. */
const PAUSE = 2_000;

// Starts the server, and starts it again when it was killed, as a process manager does.
for (;;) {
  const server = fork(fileURLToPath(new URL('server.js', import.meta.url)));
  const forward = (signal: NodeJS.Signals): boolean => server.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const [code, signal] = (await once(server, 'exit')) as [number | null, NodeJS.Signals | null];
  process.off('SIGINT', forward).off('SIGTERM', forward);
  if (signal !== 'SIGKILL') {
    process.exitCode = code ?? 0;
    break;
  }
  console.log(`The server was killed. The next one starts in ${PAUSE / 1_000} seconds.`);
  await setTimeout(PAUSE);
}
