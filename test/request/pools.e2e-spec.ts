import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { TaskPoolFullError, Tasks, TasksService, type TaskOverflow } from 'nestjs-tasks';
import { ADAPTERS, Gate, send, startApp } from '../support/app.js';
import { Journal } from '../support/journal.js';

@Controller()
class MailController {
  readonly gate = new Gate();
  readonly hold = new Gate();
  readonly entered = new Gate();

  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Get('send')
  send(@Tasks() tasks: TasksService) {
    const mail = tasks.afterResponse.task({ pool: 'mail', name: 'mail' });
    try {
      for (const n of [1, 2, 3]) {
        mail.schedule(async () => {
          this.journal.write(`mail ${n}`);
          await this.gate.passed;
        });
      }
    } catch (error) {
      if (error instanceof TaskPoolFullError) throw new ServiceUnavailableException(error.message);
      throw error;
    }
    return 'sent';
  }

  @Get('slow')
  async slow(@Tasks() tasks: TasksService) {
    tasks.afterRoute.task({ pool: 'mail', name: 'mail' }).schedule(this.journal.write, 'slow mail');
    this.entered.pass();
    await this.hold.passed;
    throw new Error('after all');
  }
}

const METADATA = { controllers: [MailController], providers: [Journal] };
const pools = (overflow: TaskOverflow) => ({ pools: { mail: { concurrency: 1, maxQueue: 1, overflow } } });

describe.each(ADAPTERS)('a pool that is full, on %s', (_name, adapter) => {
  it('refuses while the client can still be told, and what was scheduled before is discarded with the route', async () => {
    await using test = await startApp(METADATA, pools('reject'), adapter);
    const { status, body } = await send(`${test.url}/send`);
    expect(status).toBe(503);
    expect(body).toContain("pool 'mail' is full (0 running, 0 waiting, 2 held by open requests)");
    await test.scheduler.idle();
    expect(test.scheduler.counts.discarded).toBe(3);
    expect(test.scheduler.pools['mail']).toMatchObject({ running: 0, waiting: 0 });
  });

  it('discards alone what finds no place', async () => {
    await using test = await startApp(METADATA, pools('discard'), adapter);
    test.app.get(MailController).gate.pass();
    expect((await send(`${test.url}/send`)).status).toBe(200);
    await test.scheduler.idle();
    expect(test.app.get(Journal).entries).toEqual(['mail 1', 'mail 2']);
    expect(test.logs.matching('warn Task mail#')).toHaveLength(1);
  });

  it('runs what finds no place beyond its limit', async () => {
    await using test = await startApp(METADATA, pools('run'), adapter);
    expect((await send(`${test.url}/send`)).status).toBe(200);
    test.app.get(MailController).gate.pass();
    await test.scheduler.idle();
    expect(test.app.get(Journal).entries.toSorted()).toEqual(['mail 1', 'mail 2', 'mail 3']);
  });

  it('counts what open requests hold, and gives the place back when their route fails', async () => {
    await using test = await startApp(METADATA, pools('reject'), adapter);
    const { entered, hold, gate } = test.app.get(MailController);
    const slow = send(`${test.url}/slow`);
    await entered.passed;
    expect(test.scheduler.pools['mail']).toMatchObject({ running: 0, waiting: 0, held: 1 });
    // A slot that is free is not kept for it.
    const now = [test.scheduler.task({ pool: 'mail' }).schedule(() => gate.passed)];
    expect(() => test.scheduler.task({ pool: 'mail' }).schedule(() => {})).toThrow(TaskPoolFullError);
    hold.pass();
    expect((await slow).status).toBe(500);
    expect(test.scheduler.pools['mail']).toMatchObject({ running: 1, waiting: 0, held: 0 });
    gate.pass();
    await Promise.all(now.map(({ done }) => done));
  });
});
