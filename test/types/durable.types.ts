// Compiled by `npm run typecheck`, never run: each @ts-expect-error must be an error, and nothing else may be one.
import { applyDecorators } from '@nestjs/common';
import {
  ConcurrencyLimit,
  Durable,
  Shielded,
  taskName,
  type AddOptions,
  type Execution,
  type Task,
  type TaskName,
  type TaskQueue,
  type TasksModuleOptions,
  type TasksService,
} from 'nestjs-tasks';
import type { resolveTasksOptions } from '../../lib/scheduler/tasks-options.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assert<T extends true>(_holds?: T): void {}

declare const queue: TaskQueue;
declare const orders: {
  process(customerId: number, orderId?: string): Promise<{ total: number }>;
  ping(): void;
  tag(id: string, ...tags: string[]): string[];
};

// What is right compiles, and the execution knows the task's result.
const execution = await queue.add(orders.process, { key: 'order:1', when: '5m', priority: 3 })(1, 'a');
assert<Equal<typeof execution, Execution<{ total: number }>>>();
assert<Equal<Awaited<ReturnType<typeof execution.result>>, { total: number }>>();
assert<Equal<(typeof execution)['disposition'], 'scheduled' | 'already-scheduled' | 'struck' | undefined>>();
await queue.add(orders.process)(1);
assert<Equal<typeof pinged, Execution<void>>>();
const pinged = await queue.add(orders.ping)();
const tagged = await queue.add(orders.tag)('id', 'a', 'b');
assert<Equal<typeof tagged, Execution<string[]>>>();
const replaced = await queue.replace(orders.process, { key: 'order:1', when: new Date() })(1, 'a');
assert<Equal<typeof replaced, Execution<{ total: number }>>>();

// A name tells nothing of arguments and result.
const named = await queue.add('orders.process', { remote: true })(1, { any: 'thing' });
assert<Equal<typeof named, Execution>>();
assert<Equal<Awaited<ReturnType<typeof named.result>>, unknown>>();

// A typed name tells both, wherever a task is taken.
interface Mail {
  readonly to: string;
}
declare const tasks: TasksService;
const sendMail = taskName<(message: Mail) => Promise<{ sent: boolean }>>('mail.send');
const mailed = await queue.add(sendMail, { key: 'mail:1', remote: true })({ to: 'ada' });
assert<Equal<typeof mailed, Execution<{ sent: boolean }>>>();
const remailed = await queue.replace(sendMail, { key: 'mail:1', when: '5m' })({ to: 'ada' });
assert<Equal<typeof remailed, Execution<{ sent: boolean }>>>();
const followed = await queue.after([mailed]).add(sendMail)({ to: 'ada' });
assert<Equal<typeof followed, Execution<{ sent: boolean }>>>();
const enqueued = await tasks.enqueue(sendMail)({ to: 'ada' });
assert<Equal<typeof enqueued, Execution<{ sent: boolean }>>>();
const later = tasks.afterRoute.enqueue(sendMail)({ to: 'ada' });
assert<Equal<typeof later, Task<Execution<{ sent: boolean }>, [message: Mail]>>>();
queue.agenda().add(sendMail, { key: 'mail:1' })({ to: 'ada' }).add(sendMail)({ to: 'bob' });
await queue.strike(sendMail, 'to', '==', 'ada');
await queue.restore(sendMail, 'to', '==', 'ada');
await queue.strike(sendMail, { where: ['to', 'in', ['ada', 'bob']], mode: 'hold' });
await queue.strike(null, { where: ['to', '==', 'ada'] });
await queue.restore(null, { where: ['to', '==', 'ada'] });
// @ts-expect-error a strike on everything
await queue.strike(null, { reason: 'maintenance' });
// @ts-expect-error the condition twice
await queue.strike(sendMail, 'to', '==', 'ada', { where: ['to', '==', 'ada'] });
// @ts-expect-error an unknown operator
await queue.strike(sendMail, { where: ['to', '~', 'ada'] });
const ofMethod = await queue.add(taskName<typeof orders.process>('orders.process'))(1, 'a');
assert<Equal<typeof ofMethod, Execution<{ total: number }>>>();
const untyped: TaskName<(...args: unknown[]) => unknown> = taskName('any.task');
await queue.add(untyped)(1, 'a');
// @ts-expect-error a wrong argument
void queue.add(sendMail)({ to: 7 });
// @ts-expect-error a missing argument
void queue.add(sendMail)();
// @ts-expect-error a wrong argument, in an agenda too
queue.agenda().add(sendMail)('ada');
// @ts-expect-error a wrong argument, in a batch too
tasks.afterResponse.enqueue(sendMail)('ada');
// @ts-expect-error a type that is no function
taskName<Mail>('mail.send');

// The second call may wait, and cannot be forgotten by whoever awaits.
const addOrder = queue.add(orders.process, { key: 'order:1' });
await addOrder(1);
// @ts-expect-error no second call
await queue.add(orders.process, { key: 'order:1' });
// @ts-expect-error no second call
await queue.add('orders.process');
// @ts-expect-error no second call
await queue.replace(orders.process, { key: 'order:1', when: '5m' });
// @ts-expect-error no second call
await queue.after([execution]).add(orders.process);
// @ts-expect-error no second call
await queue.agenda().add(orders.process);
// @ts-expect-error no second call
await tasks.enqueue(orders.process);
// @ts-expect-error no second call
await tasks.afterRoute.enqueue(orders.process);
async function addInVain(): Promise<unknown> {
  // @ts-expect-error no second call
  return queue.add(orders.process);
}
void addInVain;
// @ts-expect-error the data of a job beside its options
void queue.add('orders.process', { id: 1 }, { key: 'order:1' });

// @ts-expect-error a missing argument
void queue.add(orders.process)();
// @ts-expect-error a wrong type
void queue.add(orders.process)('1');
// @ts-expect-error a wrong type of one that may be left out
void queue.add(orders.process)(1, 2);
// @ts-expect-error one too many
void queue.add(orders.process)(1, 'a', true);
// @ts-expect-error one for a task that takes none
void queue.add(orders.ping)('x');
// @ts-expect-error a wrong type among the rest
void queue.add(orders.tag)('id', 'a', 2);
// @ts-expect-error a missing argument, with options too
void queue.add(orders.process, { key: 'k' })();
// @ts-expect-error a wrong type, in replace() too
void queue.replace(orders.process, { key: 'k', when: 0 })('1');
// @ts-expect-error no task
void queue.add(7);
// @ts-expect-error a call of the task rather than the task
void queue.add(orders.process(1));

// @ts-expect-error an unknown option
void queue.add(orders.ping, { delay: 5 });
// @ts-expect-error a wrong key
void queue.add(orders.ping, { key: 7 });
// @ts-expect-error a wrong priority
void queue.add(orders.ping, { priority: 'high' });
// @ts-expect-error a wrong time
void queue.add(orders.ping, { when: {} });
// @ts-expect-error replace() needs a key
void queue.replace(orders.ping, { when: '5m' });
// @ts-expect-error replace() needs a time
void queue.replace(orders.ping, { key: 'k' });
// @ts-expect-error replace() needs options
void queue.replace(orders.ping);

// @ts-expect-error what an execution is made of is read-only
execution.key = 'other';
// @ts-expect-error an execution is no promise
void execution.then(() => {});

// undefined is as good as nothing
const undefinedOptions: AddOptions = { when: undefined, key: undefined, priority: undefined, remote: undefined };
void undefinedOptions;

class Declared {
  @Durable()
  one(): void {}

  @Durable('two', { shield: true, timeout: '5s', onError: (task) => void task.id })
  two(): void {}

  @Durable({
    retry: { attempts: 3, delay: '1s', maxDelay: 60_000, backoff: 'fixed', jitter: 0.5, retryOn: (e) => e !== 1 },
  })
  three(): void {}

  @Durable('four', { retry: { attempts: Infinity, jitter: true, retryOn: (error: Error) => error.message !== '' } })
  four(): void {}

  // @ts-expect-error a wrong name
  @Durable(7)
  five(): void {}

  // @ts-expect-error an unknown option
  @Durable({ retries: 3 })
  six(): void {}

  // @ts-expect-error an unknown option of retry
  @Durable('seven', { retry: { times: 3 } })
  seven(): void {}

  // @ts-expect-error an unknown backoff
  @Durable({ retry: { backoff: 'linear' } })
  eight(): void {}

  // @ts-expect-error on a field
  @Durable()
  nine = 9;

  // @ts-expect-error on an accessor
  @Durable()
  get ten(): number {
    return 10;
  }

  // @ts-expect-error the name stands before the options
  @Durable({ name: 'eleven' })
  eleven(): void {}

  // @ts-expect-error a run in the queue has no route
  @Durable({ runOn: 'always' })
  twelve(): void {}

  // @ts-expect-error a run in the queue is in no pool of a process
  @Durable({ pool: 'mail' })
  thirteen(): void {}

  @Durable('fourteen', { onCancel: 'enqueue', asyncContext: 'none' })
  fourteen<T extends string>(id: T, ...rest: readonly number[]): [T, number] {
    return [id, rest.length];
  }

  @applyDecorators(Durable('fifteen'), Shielded())
  fifteen(): void {}

  @Durable('sixteen')
  @ConcurrencyLimit(1, { by: (customer: { id: string }, size: number) => `${customer.id}:${size}` })
  sixteen(_customer: { id: string }, _size: number): void {}

  // @ts-expect-error a number is no path
  @ConcurrencyLimit(1, { by: 7 })
  seventeen(): void {}
}
// @ts-expect-error on a class
@Durable()
class OnClass {}
void [Declared, OnClass];

const options: TasksModuleOptions[] = [
  { queue: {} },
  { queue: { url: 'redis://localhost', name: 'mail', worker: { concurrency: 3, lease: '5s' }, retention: '1h' } },
  { queue: { connection: { host: 'localhost' }, worker: false, migrate: false, prefix: 'app' } },
  { queue: undefined },
];
void options;
// The module checks all of its options, and no others.
assert<Equal<keyof Parameters<typeof resolveTasksOptions>[0], keyof TasksModuleOptions>>();
// @ts-expect-error no worker, or its options
const wrongWorker: TasksModuleOptions = { queue: { worker: true } };
// @ts-expect-error an unknown option
const unknownOption: TasksModuleOptions = { queue: { host: 'localhost' } };
void [wrongWorker, unknownOption];
