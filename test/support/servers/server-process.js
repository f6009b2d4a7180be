import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Starts a server, and waits for the line of its log that says that it is ready. Returns what ends it. */
export async function startProcess(program, args, { readyLine, stopSignal, uid, gid }) {
  const server = spawn(program, args, { uid, gid, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(server, 'close');
  let lastLine = '';
  // Reads on when the server is ready: a full pipe would stop it.
  const ready = new Promise((resolve) => {
    for (const input of [server.stdout, server.stderr]) {
      createInterface({ input }).on('line', (line) => {
        lastLine = line;
        if (line.includes(readyLine)) resolve();
      });
    }
  });
  await Promise.race([
    ready,
    closed.then(([code, signal]) => {
      throw new Error(`${program} ended with ${code ?? signal}: ${lastLine}`);
    }),
  ]);
  return async () => {
    server.kill(stopSignal);
    await closed;
  };
}
