// Compiled by `npm run typecheck`, never run: each @ts-expect-error must be an error, and nothing else may be one.
import { Durable, type AddOptions, type Execution, type TaskQueue, type TasksModuleOptions } from 'nestjs-tasks';

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
// @ts-expect-error no worker, or its options
const wrongWorker: TasksModuleOptions = { queue: { worker: true } };
// @ts-expect-error an unknown option
const unknownOption: TasksModuleOptions = { queue: { host: 'localhost' } };
void [wrongWorker, unknownOption];
