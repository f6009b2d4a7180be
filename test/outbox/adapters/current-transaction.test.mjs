import 'reflect-metadata';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ClsPluginTransactional, TransactionHost } from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClsModule } from 'nestjs-cls';
import { DataSource } from 'typeorm';
import { currentTransaction } from '../../../build/queue/client/current-transaction.js';
import { fromTypeOrm } from '../../../dist/outbox/index.js';
import { POSTGRES_URL } from './fixtures.mjs';

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

  describe('with TypeORM', () => {
    let app;
    let dataSource;

    before(async () => {
      dataSource = await new DataSource({ type: 'postgres', url: POSTGRES_URL }).initialize();
      const adapter = new TransactionalAdapterTypeOrm({ dataSourceToken: DataSource });
      const database = { module: class {}, providers: [{ provide: DataSource, useValue: dataSource }] };
      const plugins = [new ClsPluginTransactional({ imports: [{ ...database, exports: [DataSource] }], adapter })];
      class AppModule {}
      Module({ imports: [ClsModule.forRoot({ plugins })] })(AppModule);
      app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
    });

    after(async () => {
      await app?.close();
      await dataSource?.destroy();
    });

    it('is the open one, which the outbox accepts', async () => {
      const outbox = fromTypeOrm(dataSource);
      await app.get(TransactionHost).withTransaction(async () => {
        const connection = outbox.within(currentTransaction('orders.process'));
        assert.deepEqual(await connection.query('SELECT CAST(? AS text) AS label', ['a']), [{ label: 'a' }]);
      });
    });

    it('is refused outside of one', () => {
      assert.throws(() => currentTransaction('orders.process'), refusal('outside of a transaction'));
    });
  });
});
