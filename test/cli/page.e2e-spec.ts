import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable, Logged, TaskContext, type QueueStats } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { brokerSpace, BROKERS } from '../support/brokers.js';
import { startQueue, type QueueContext } from '../support/queue-context.js';
import { until } from '../support/until.js';

jest.setTimeout(240_000);

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8');
const MAIN = join(import.meta.dirname, '../../dist/cli/main.js');

@Injectable()
class Shop {
  readonly go = new Gate();

  constructor(private readonly context: TaskContext) {}

  @Durable('orders.process')
  async process(@ConcurrencyLimit(1) customerId: string): Promise<string> {
    await this.go.passed;
    return customerId;
  }

  @Durable('partner.send', { retry: { attempts: 2, delay: 20, backoff: 'fixed' } })
  send(@Logged() id: number): void {
    this.context.logger.log(`sending order ${id}`);
    throw new Error('502 Bad Gateway', { cause: new Error('socket hang up') });
  }

  @Durable('reports.build')
  async build(): Promise<void> {
    await this.context.progress.total(10);
    await this.context.progress.increment(10);
    await this.context.progress.message('uploaded');
  }
}

/** Command of a block of the page, with what it prints. */
interface Shown {
  readonly command: string;
  readonly output: string;
}

function commandsOf(page: string): Shown[] {
  const blocks = [...page.matchAll(/^```console\n([^]*?)^```$/gm)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...lines] = part.split('\n');
        return { command, output: lines.join('\n') };
      }),
  );
}

/** Takes out what differs from run to run: times, ids, durations, the machine, frames of stacks, widths of columns. */
function normalised(output: string): string {
  const { username } = userInfo();
  return output
    .replaceAll(`${username}@${hostname()}`, 'ada@web-1')
    .replaceAll(hostname(), 'web-1')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME')
    .replaceAll(/\b[\da-z]{9}-[\da-z]{10}\b/g, 'ID')
    .replaceAll(/\bw[\da-z]+-[\da-f]{6}\b/g, 'WORKER')
    .replaceAll(/WORKER +web-1 +\d+/g, 'WORKER web-1 PID')
    .replaceAll(/\b\d+(?:\.\d+)?(?:ms|s|m)\b/g, 'DURATION')
    .replaceAll(/ at [\w.]+:\d+/g, ' at SERVER')
    .split('\n')
    .filter((line) => !/^ +at /.test(line))
    .map((line) => line.replaceAll(/ +/g, ' ').trimEnd())
    .join('\n')
    .trim();
}

async function seed({ queue, context }: QueueContext): Promise<void> {
  const shop = context.get(Shop);
  for (const id of [4711, 4712, 4713]) {
    await queue.add(shop.send, { key: `send:${id}` })(id);
    await until(async () => (await queue.get(`send:${id}`))?.state === 'failed', 'the failure');
  }
  const report = await queue.add(shop.build, { key: 'report:june' })();
  await report.result();
  await queue.add(shop.process, { key: 'order:5001' })('12345');
  await until(async () => (await queue.get('order:5001'))?.state === 'running', 'the holder');
  await queue.add(shop.process, { key: 'order:5002' })('12345');
  await until(async () => (await queue.get('order:5002'))?.state === 'parked', 'the waiter');
  await queue.add(shop.build, { key: 'report:july', when: '1d' })();
}

/** Tells if nothing is on its way but the order that a gate holds. */
function isQuiet({ total: { running, waiting, retrying } }: QueueStats): boolean {
  return running + waiting + retrying === 1;
}

const REDIS = BROKERS.filter(({ label }) => label === 'redis');

describe.each(REDIS)('docs/cli.md', (kind) => {
  const space = brokerSpace(kind);

  it('shows what its commands print', async () => {
    await using test = await startQueue(space, { providers: [Shop] }, { logs: 10 });
    await seed(test);
    const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-page-'));
    try {
      const program = join(folder, 'nestjs-tasks');
      writeFileSync(
        program,
        `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@" --name ${test.fleet} --prefix ${space.prefix}\n`,
      );
      chmodSync(program, 0o755);
      const env = { PATH: `${folder}${delimiter}${process.env['PATH']}`, TASKS_URL: kind.url };
      const shown = commandsOf(PAGE);
      expect(shown.length).toBeGreaterThan(15);
      for (const { command, output } of shown) {
        const child = spawn('/bin/sh', ['-c', `${command} 2>&1`], { env });
        const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')]);
        await until(async () => isQuiet(await test.queue.stats()), 'what the command has started', 60_000);
        expect(`$ ${command}\n${normalised(printed)}`).toBe(`$ ${command}\n${normalised(output)}`);
      }
    } finally {
      rmSync(folder, { recursive: true });
      test.context.get(Shop).go.pass();
      await test.queue.clear();
    }
  });
});
