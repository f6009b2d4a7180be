import { freePort } from './free-port.js';
import { startProcess } from './server-process.js';

/** Starts redis-server or valkey-server, which keeps everything in memory. */
export async function start(folder, program) {
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const stop = await startProcess(program, args, { readyLine: 'Ready to accept connections', stopSignal: 'SIGKILL' });
  return { url: `redis://127.0.0.1:${port}`, stop };
}
