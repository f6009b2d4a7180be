import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { randomPort } from './proxy.js';

/** What of it is installed. */
export const REDIS_PROGRAM = ['redis-server', 'valkey-server'].find(
  (program) => spawnSync(program, ['--version']).status === 0,
);

/** A Redis that forgets nothing that it has acknowledged, and can be stopped and started again. */
export class RedisServer implements AsyncDisposable {
  readonly url: string;

  private readonly folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-redis-'));
  private process: ChildProcess | undefined;

  constructor(
    readonly port = randomPort(),
    /** More of its settings, or others. */
    private readonly args: readonly string[] = [],
  ) {
    this.url = `redis://127.0.0.1:${port}`;
  }

  async start(): Promise<this> {
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    const args = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, ...durable, ...this.args];
    const server = spawn(REDIS_PROGRAM ?? '', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.process = server;
    await new Promise<void>((resolve, reject) => {
      const lines = createInterface({ input: server.stdout });
      lines.on('line', (line) => line.includes('Ready to accept connections') && resolve());
      lines.on('close', () => reject(new Error('Redis has not started')));
    });
    return this;
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.process?.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill(signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
