import { once } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TaskContext } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { brokerSpace, SHARED_BROKERS } from '../support/brokers.js';
import { startQueue, type QueueContext } from '../support/queue-context.js';
import { CliOnTerminal, hasScript, runCli, startCli } from '../support/run-cli.js';
import { until } from '../support/until.js';

jest.setTimeout(90_000);

const ESCAPE = '\u001b';
const EVIL = `${ESCAPE}]0;title\u0007${ESCAPE}[2J\r\nforged\u009b31m\u202e<b>`;

@Injectable()
class Reports {
  readonly go = new Gate();

  constructor(private readonly context: TaskContext) {}

  @Durable('reports.build')
  async build(): Promise<void> {
    await this.context.progress.total(8);
    await this.context.progress.increment(2);
    await this.context.progress.message(EVIL);
    await this.go.passed;
    await this.context.progress.increment(6);
  }

  @Durable('reports.fail')
  fail(_secret: string): void {
    throw new Error(`bad ${EVIL}`);
  }
}

// Terminals and pipes are the same on all brokers.
describe.each(SHARED_BROKERS.slice(0, 1))('output of the command line: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = (options = {}) => startQueue(space, { providers: [Reports] }, options);
  const env = { TASKS_URL: kind.url };
  const place = ({ fleet }: QueueContext): string[] => ['--name', fleet, '--prefix', space.prefix];

  it('escapes what others have put into keys, names, reasons and errors', async () => {
    await using test = await start();
    await test.queue.add('reports.fail', { key: EVIL })('s3cr3t-4711');
    await until(async () => (await test.queue.get(EVIL))?.state === 'failed', 'the failure');
    await test.queue.pause({ reason: EVIL });
    for (const args of [['history'], ['failures'], ['explain', EVIL], ['stats'], ['history', '--json']]) {
      const { stdout, stderr } = await runCli([...args, ...place(test)], { env: { ...env, FORCE_COLOR: '0' } });
      expect(stderr).toBe('');
      expect(stdout).toContain('\\u001b]0;title\\u0007');
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
      expect(stdout).not.toMatch(/^forged/m);
      expect(stdout).not.toContain('s3cr3t');
    }
    await test.queue.resume();
  });

  it('ends quietly where its reader has seen enough', async () => {
    await using test = await start({ worker: false });
    const child = startCli(['snapshot', '--watch', '--interval', '100ms', '--json', ...place(test)], { env });
    let stderr = '';
    child.stderr!.on('data', (data) => (stderr += String(data)));
    await once(child.stdout!, 'data');
    child.stdout!.destroy();
    const [code] = await once(child, 'exit');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('follows an execution by lines in a pipe, as they change', async () => {
    await using test = await start();
    await test.queue.add('reports.build', { key: 'report' })();
    const child = startCli(['watch', 'report', ...place(test)], { env });
    let stdout = '';
    child.stdout!.on('data', (data) => (stdout += String(data)));
    await until(() => stdout.includes('2/8'), 'the progress', 60_000);
    test.context.get(Reports).go.pass();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(stdout).toMatch(/running {2}2\/8 {2}\\u001b[^]*completed {2}8\/8/);
    expect(stdout).not.toContain(ESCAPE);
  });

  const onTerminal = hasScript ? describe : describe.skip;
  onTerminal('on a terminal (where the program script is there)', () => {
    it('asks before it changes many, with their number: no changes nothing', async () => {
      await using test = await start({ worker: false });
      for (const key of ['a', 'b']) await test.queue.add('reports.build', { key, when: '1d' })();
      const no = new CliOnTerminal(['clear', ...place(test)], { env });
      await no.shows(/Cancel 2 executions that do not run\? \[y\/N\] /);
      no.type('n\n');
      expect(await no.code()).toBe(1);
      expect(no.output).toContain('Nothing was changed.');
      expect((await test.queue.snapshot()).total).toBe(2);
      const yes = new CliOnTerminal(['clear', ...place(test)], { env });
      await yes.shows(/\[y\/N\] /);
      yes.type('y\n');
      expect(await yes.code()).toBe(0);
      expect((await test.queue.snapshot()).total).toBe(0);
    });

    it('colours, fits the width, and does neither with NO_COLOR or in a pipe', async () => {
      await using test = await start();
      await test.queue.add('reports.fail', { key: 'k'.repeat(90) })('x');
      await until(async () => (await test.queue.get('k'.repeat(90)))?.state === 'failed', 'the failure');
      const coloured = new CliOnTerminal(['history', ...place(test)], { env, columns: 60 });
      expect(await coloured.code()).toBe(0);
      expect(coloured.output).toContain(`${ESCAPE}[31m`);
      const plain = coloured.output
        .replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), '')
        .trim()
        .split(/\r?\n/);
      for (const line of plain) expect(line.length).toBeLessThanOrEqual(60);
      expect(plain.at(-1)).toMatch(/…$/);
      const colourless = new CliOnTerminal(['history', ...place(test)], { env: { ...env, NO_COLOR: '1' } });
      expect(await colourless.code()).toBe(0);
      expect(colourless.output).not.toContain(ESCAPE);
      const piped = await runCli(['history', ...place(test)], { env });
      expect(piped.stdout).not.toContain(ESCAPE);
      expect(piped.stdout).toContain('k'.repeat(90));
    });

    it('draws a bar for an execution, and gives the cursor back at its end', async () => {
      await using test = await start();
      await test.queue.add('reports.build', { key: 'report' })();
      const bar = new CliOnTerminal(['watch', 'report', ...place(test)], { env, columns: 120 });
      await bar.shows(/█+░+ 25%/);
      test.context.get(Reports).go.pass();
      expect(await bar.code()).toBe(0);
      expect(bar.output).toMatch(/█ 100% {2}completed/);
      expect(bar.output).not.toContain(`${ESCAPE}]0;title`);
      expectCursorBack(bar.output);
    });

    it('ends by Ctrl-C with 130, and gives the cursor back', async () => {
      await using test = await start();
      await test.queue.add('reports.build', { key: 'report' })();
      for (const args of [
        ['watch', 'report'],
        ['snapshot', '--watch'],
      ]) {
        const run = new CliOnTerminal([...args, ...place(test)], { env });
        await run.shows(/running/);
        run.type('\u0003');
        expect(await run.code()).toBe(130);
        expectCursorBack(run.output);
      }
      test.context.get(Reports).go.pass();
    });
  });
});

function expectCursorBack(output: string): void {
  const hidden = output.lastIndexOf(`${ESCAPE}[?25l`);
  expect(hidden).toBeGreaterThan(-1);
  expect(output.lastIndexOf(`${ESCAPE}[?25h`)).toBeGreaterThan(hidden);
}
