import 'reflect-metadata';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ClsPluginTransactional, Transactional } from '@nestjs-cls/transactional';
import { TransactionalAdapterDrizzleOrm } from '@nestjs-cls/transactional-adapter-drizzle-orm';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { Inject } from '@nestjs/common';
import { drizzle } from 'drizzle-orm/node-postgres';
import { ClsModule } from 'nestjs-cls';
import { TaskQueue } from 'nestjs-tasks';
import { fromDrizzle, fromTypeOrm } from 'nestjs-tasks/outbox';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { currentTransaction } from '../../../build/queue/client/current-transaction.js';
import { POSTGRES_URL, Rollback } from './fixtures.mjs';
import { decorate, Orders, startApplication } from './queue-application.mjs';

const TOKEN = 'DATABASE';

const LIBRARIES = {
  async TypeORM() {
    const root = await new DataSource({ type: 'postgres', url: POSTGRES_URL }).initialize();
    const adapter = new TransactionalAdapterTypeOrm({ dataSourceToken: TOKEN });
    return { root, from: fromTypeOrm, adapter, close: () => root.destroy() };
  },
  async Drizzle() {
    const pool = new Pool({ connectionString: POSTGRES_URL });
    const adapter = new TransactionalAdapterDrizzleOrm({ drizzleInstanceToken: TOKEN });
    return { root: drizzle(pool), from: fromDrizzle, adapter, close: () => pool.end() };
  },
};

class Shop {
  constructor(queue, orders) {
    this.queue = queue;
    this.orders = orders;
  }

  async order(id, end) {
    const execution = await this.queue.add(this.orders.process, { transaction: 'current' })(id);
    if (end === 'throw') throw new Rollback();
    return execution;
  }

  async orderTwice(id) {
    await this.order(id, 'commit');
    throw new Rollback();
  }
}
Inject(TaskQueue)(Shop, undefined, 0);
Inject(Orders)(Shop, undefined, 1);
decorate(Shop, 'order', Transactional());
decorate(Shop, 'orderTwice', Transactional());

const refusal = (shown) => (error) => {
  assert.deepEqual([error.code, error.task, error.argument], ['TASK_ARGUMENT', 'orders.process', 'transaction']);
  assert.ok(error.message.includes(shown), error.message);
  return true;
};

describe("transaction: 'current'", () => {
  it('is refused without the plugin', () => {
    assert.throws(() => currentTransaction('orders.process'), refusal('without ClsPluginTransactional'));
  });

  it('names the package that is missing', async () => {
    const program = `
      const { currentTransaction } = await import(${JSON.stringify(new URL('../../../build/queue/client/current-transaction.js', import.meta.url).href)});
      try { currentTransaction('a'); } catch ({ code, message }) { console.log(code, message); }`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, NODE_PATH: '' },
    });
    assert.match(stdout, /^DRIVER_MISSING .* npm install @nestjs-cls\/transactional\. /);
  });

  for (const [name, open] of Object.entries(LIBRARIES)) {
    describe(`with ${name}`, () => {
      let library;
      let application;
      let queue;
      let shop;

      before(async () => {
        library = await open();
        const database = {
          module: class {},
          providers: [{ provide: TOKEN, useValue: library.root }],
          exports: [TOKEN],
        };
        const plugins = [new ClsPluginTransactional({ imports: [database], adapter: library.adapter })];
        application = await startApplication(library.from(library.root), {
          imports: [ClsModule.forRoot({ plugins })],
          providers: [Shop],
        });
        ({ queue } = application);
        shop = application.context.get(Shop);
      });

      after(async () => {
        await application?.close();
        await library?.close();
      });

      it('is that of a method with @Transactional()', async () => {
        const execution = await shop.order('a', 'commit');
        assert.equal(await execution.result({ timeout: 10_000 }), 'a');
      });

      it('adds nothing when the method throws', async () => {
        await assert.rejects(shop.order('undone', 'throw'), Rollback);
        const last = await shop.order('last', 'commit');
        assert.equal(await last.result({ timeout: 10_000 }), 'last');
        assert.ok(!application.orders.seen.includes('undone'));
      });

      it('is that of a nested method, too', async () => {
        await assert.rejects(shop.orderTwice('nested'), Rollback);
        const last = await shop.order('last', 'commit');
        await last.result({ timeout: 10_000 });
        assert.ok(!application.orders.seen.includes('nested'));
      });

      it('is refused outside of one', () =>
        assert.rejects(
          queue.add(application.orders.process, { transaction: 'current' })('outside'),
          refusal('outside of a transaction'),
        ));
    });
  }
});
