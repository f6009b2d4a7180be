import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ConsoleLogger, Logger } from '@nestjs/common';
import { createTaskLogger } from '../../lib/task/task-logger.js';
import type { Task } from '../../lib/task/task.js';
import { LogLines } from '../support/log-lines.js';

const RUN = { key: 'order:1', worker: 'w1', attempt: 2 };
const durable = { name: 'orders.process', label: 'orders.process#7', run: RUN } as unknown as Task;
const FIELDS = { task: 'orders.process', key: 'order:1', attempt: 2, worker: 'w1' };

describe('the logger of a task', () => {
  afterEach(() => Logger.overrideLogger(new LogLines()));

  it.each(['log', 'error', 'warn', 'debug', 'verbose'] as const)('adds what runs to each line: %s', (level) => {
    const lines = new LogLines();
    Logger.overrideLogger(lines);
    createTaskLogger(durable)[level]('hello', { more: 1 });
    expect(lines.lines).toEqual([`${level} hello ${JSON.stringify(FIELDS)} {"more":1} orders.process`]);
  });

  it('works with loggers that have a level of their own for what is fatal', () => {
    const fatal = jest.fn();
    Logger.overrideLogger(Object.assign(new LogLines(), { fatal }));
    createTaskLogger(durable).fatal('the end');
    expect(fatal).toHaveBeenCalledWith('the end', FIELDS, 'orders.process');
  });

  it('gives fields that JSON lines can be searched by, and keeps stacks', () => {
    const written: string[] = [];
    const streams = [process.stdout, process.stderr].map((stream) =>
      jest.spyOn(stream, 'write').mockImplementation((text) => written.push(String(text)) > 0),
    );
    Logger.overrideLogger(new ConsoleLogger({ json: true, colors: false }));
    createTaskLogger(durable).log('paid');
    const { stack } = new Error('bad');
    createTaskLogger(durable).error('failed', stack);
    for (const stream of streams) stream.mockRestore();
    const [paid, failed] = written.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(paid).toMatchObject({ message: 'paid', context: 'orders.process', params: FIELDS });
    expect(failed).toMatchObject({ message: 'failed', context: 'orders.process', params: FIELDS, stack });
  });

  it('of a task of this process shows its label', () => {
    const lines = new LogLines();
    Logger.overrideLogger(lines);
    createTaskLogger({ name: 'mail', label: 'mail#3' } as unknown as Task).log('sent');
    expect(lines.lines).toEqual(['log sent mail#3']);
  });
});
