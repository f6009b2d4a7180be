// Compiled by `npm run typecheck`, never run: each @ts-expect-error must be an error, and nothing else may be one.
import type { Observable } from 'rxjs';
import type {
  Enqueue,
  EnqueueLater,
  Execution,
  TaskBatch,
  TasksService,
  TaskScheduler,
  Task,
  TaskConfig,
  TaskErrorHandler,
} from 'nestjs-tasks';
import { OnTaskError } from 'nestjs-tasks';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assert<T extends true>(_holds?: T): void {}

declare function send(to: string, copies?: number): Promise<boolean>;
declare function ping(): void;
declare function observe(to: string): Observable<number>;
declare function items(to: string): AsyncGenerator<number>;
declare const anything: (...args: unknown[]) => unknown;
declare const schedulers: [TasksService, TaskBatch, TaskScheduler];

for (const tasks of schedulers) {
  // What is right compiles, and the task knows its arguments and its result.
  const task = tasks.schedule(send, 'a@b.c', 2);
  assert<Equal<typeof task, Task<boolean, [to: string, copies?: number | undefined]>>>();
  assert<Equal<Awaited<ReturnType<typeof task.result>>, boolean>>();
  assert<Equal<Awaited<ReturnType<typeof task.retry>>, boolean>>();
  tasks.schedule(send, 'a@b.c');
  tasks.schedule(ping);
  tasks.schedule((id: number) => id, 1);
  tasks.task({ name: 'mail', shield: true, timeout: '5s' }).schedule(send, 'a@b.c');
  assert<Equal<typeof configured, Task<boolean, [to: string, copies?: number | undefined]>>>();
  const configured = tasks.task().schedule(send, 'a@b.c');

  // The result of an Observable is its last value.
  assert<Equal<typeof observed, Task<number, [to: string]>>>();
  const observed = tasks.schedule(observe, 'a@b.c');
  assert<Equal<typeof later, Task<number | 'text', []>>>();
  const later = tasks.task({}).schedule(async () => (Math.random() > 0.5 ? observe('a@b.c') : 'text'));
  tasks.schedule((): never => {
    throw new Error('bad');
  });
  tasks.schedule(anything, 1, 'x');

  // @ts-expect-error a generator function, whose body would never run
  tasks.schedule(function* () {
    yield 1;
  });
  // @ts-expect-error an async one, behind task() too
  tasks.task({}).schedule(items, 'a@b.c');
  // @ts-expect-error a missing argument
  tasks.schedule(send);
  // @ts-expect-error a wrong type
  tasks.schedule(send, 7);
  // @ts-expect-error one too many
  tasks.schedule(send, 'a@b.c', 2, 3);
  // @ts-expect-error one for a function that takes none
  tasks.schedule(ping, 'x');
  // @ts-expect-error no function
  tasks.schedule(send('a@b.c'));
  // @ts-expect-error a missing argument, behind task() too
  tasks.task().schedule(send);
  // @ts-expect-error a wrong type, behind task() too
  tasks.task({ shield: true }).schedule(send, 7);
  // @ts-expect-error one too many, behind task() too
  tasks.task({}).schedule(ping, 'x');
  // @ts-expect-error an unknown option
  tasks.task({ sheild: true });
  // @ts-expect-error a wrong option
  tasks.task({ runOn: 'never' });
}

const [service] = schedulers;
// @ts-expect-error a batch holds tasks for one moment, not for others
service.afterRoute.afterResponse.schedule(ping);
// @ts-expect-error what a task is made of is read-only
service.schedule(ping).config = {};
// @ts-expect-error a task is no promise
void service.schedule(ping).then(() => {});

// What adds durable tasks knows their arguments and their result: now, a promise, and later, the task that adds.
const now = service.enqueue(send, { key: 'mail', when: '5m' })('a@b.c', 2);
assert<Equal<typeof now, Promise<Execution<boolean>>>>();
const configuredNow = service.task({ name: 'note' }).enqueue(send)('a@b.c');
assert<Equal<typeof configuredNow, Promise<Execution<boolean>>>>();
void service.enqueue('mail.send', { remote: true })('anything', 1, new Date());
// @ts-expect-error a missing argument
void service.enqueue(send)();
// @ts-expect-error a wrong type
void service.enqueue(send)(7);
for (const batch of [service.afterRoute, service.afterResponse]) {
  const later = batch.enqueue(send, { key: 'mail' })('a@b.c', 2);
  assert<Equal<typeof later, Task<Execution<boolean>, [to: string, copies?: number | undefined]>>>();
  const configured = batch.task({ runOn: 'always' }).enqueue(send)('a@b.c');
  assert<Equal<typeof configured, Task<Execution<boolean>, [to: string, copies?: number | undefined]>>>();
  batch.enqueue('mail.send')('anything');
  // @ts-expect-error a missing argument
  batch.enqueue(send)();
  // @ts-expect-error a wrong type, behind task() too
  batch.task({}).enqueue(send)(7);
  // @ts-expect-error an unknown option
  batch.enqueue(send, { delay: 5 })('a@b.c');
}
// The calls have types with a name.
assert<Equal<typeof service.enqueue, Enqueue>>();
assert<Equal<typeof service.afterRoute.enqueue, EnqueueLater>>();
assert<Equal<TaskBatch['enqueue'], EnqueueLater>>();
// @ts-expect-error outside of a request there is the queue
schedulers[2].enqueue(send);

// Every option takes null, to clear, and undefined, to inherit.
const cleared: Required<TaskConfig> = {
  name: null,
  shield: null,
  onError: null,
  runOn: null,
  timeout: null,
  onCancel: null,
  pool: null,
  asyncContext: null,
};
const inherited: Required<TaskConfig> = {
  name: undefined,
  shield: undefined,
  onError: undefined,
  runOn: undefined,
  timeout: undefined,
  onCancel: undefined,
  pool: undefined,
  asyncContext: undefined,
};
void [cleared, inherited];

// Handlers may take an unknown error, or be written for Errors.
class Report implements TaskErrorHandler {
  onTaskError(task: Task, error: unknown): void {
    void [task.name, error];
  }
}
OnTaskError(Report);
OnTaskError((task, error: Error) => `${task.name}: ${error.message}`);
OnTaskError(async (task, error) => void [task, error]);
OnTaskError((task: Task<unknown, [id: string]>) => task.args[0].toUpperCase());
OnTaskError(null);
// @ts-expect-error a class without the method
OnTaskError(class {});
// @ts-expect-error no handler
OnTaskError('log');
