import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Starts a server, and waits for the line of its log that says that it is ready. Returns what ends it. */
export async function startProcess(program, args, options) {
  const { stop } = await startServer(program, args, options);
  return stop;
}

/**
 * Starts a server, and waits for the line of its log that says that it is ready.
 *
 * @param options `onLine`: hears each line of its log.
 * @returns its process, and what ends it.
 */
export async function startServer(program, args, { readyLine, stopSignal, uid, gid, onLine = () => {} }) {
  const server = spawn(program, args, { uid, gid, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(server, 'close');
  let lastLine = '';
  // Reads on when the server is ready: a full pipe would stop it.
  const ready = new Promise((resolve) => {
    for (const input of [server.stdout, server.stderr]) {
      createInterface({ input }).on('line', (line) => {
        lastLine = line;
        onLine(line);
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
  const stop = async (signal = stopSignal) => {
    server.kill(signal);
    await closed;
  };
  return { pid: server.pid, stop };
}
