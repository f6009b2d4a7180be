// The process that kept-server.js starts: holds one server and its folder until the channel closes.
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reason } from './found-server.js';

const [module, ...args] = process.argv.slice(2);
const folder = join(tmpdir(), `nestjs-tasks-server-${randomUUID()}`);

async function start() {
  await mkdir(folder, { mode: 0o700 });
  const server = await import(module);
  return server.start(folder, ...args);
}

const starting = start();

async function end() {
  const server = await starting.catch(() => undefined);
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
  process.exit();
}

/** With a callback, a channel that closed in the meantime is no error; end() is under way then. */
const tell = (answer) => process.send(answer, () => {});

process.once('disconnect', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, end);
try {
  const { url } = await starting;
  tell({ url });
} catch (error) {
  tell({ error: reason(error) });
  await end();
}
