import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TaskQueue } from 'nestjs-tasks';
import { startContext } from '../../support/context.js';

class Customer {
  constructor(readonly name: string) {}
  greet(): string {
    return `Hello ${this.name}`;
  }
  leave(): void {}
}

class Vip extends Customer {}

class Names extends Map<string, string> {
  first(): void {}
}

class Dto {
  id = 1;
}

class Money {
  constructor(readonly cents: number) {}
  add(): void {}
  toJSON(): number {
    return this.cents;
  }
}

@Injectable()
class Jobs {
  @Durable('jobs.run')
  run(..._args: unknown[]): void {}
}

describe('an argument that is an instance of a class with methods', () => {
  it('is warned of, each class once, since it arrives without them', async () => {
    await using test = await startContext({}, { providers: [Jobs] });
    const queue = test.context.get(TaskQueue);
    for (let i = 0; i < 3; i += 1) await queue.add('jobs.run')(7, new Customer('SECRET'));
    expect(test.logs.matching('is an instance of')).toEqual([
      expect.stringContaining(
        'warn args[1] of task jobs.run is an instance of Customer: it arrives as a plain object, without greet(), leave(). Pass an id or plain data. Logged once per class.',
      ),
    ]);
    expect(test.logs.matching('SECRET')).toEqual([]);
    await queue.add('jobs.run')(new Vip('ada')); // by its base class
    expect(test.logs.matching('is an instance of Vip')).toHaveLength(1);
  });

  it('is none that travels as it is, as its data, or as what its toJSON() says', async () => {
    await using test = await startContext({}, { providers: [Jobs] });
    const queue = test.context.get(TaskQueue);
    const harmless = [
      new Dto(),
      new Names(),
      new Money(5),
      new Date(),
      new Map(),
      new Set(),
      [],
      {},
      /x/,
      new Error('x'),
    ];
    await queue.add('jobs.run')(...harmless, Object.create(null), new URL('http://a'), Buffer.from('x'), null);
    expect(test.logs.matching('is an instance of')).toEqual([]);
  });
});
