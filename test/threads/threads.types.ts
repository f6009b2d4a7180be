// Compiled by `npm run typecheck`, never run: each @ts-expect-error must be an error, and nothing else may be one.
import type { Task, TaskBatch, TaskScheduler, TasksService } from 'nestjs-tasks';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assert<T extends true>(_holds?: T): void {}

type Arithmetic = typeof import('./fixtures/arithmetic.js');

declare const schedulers: [TasksService, TaskBatch, TaskScheduler];
const thread = { file: new URL('./fixtures/arithmetic.js', import.meta.url), export: 'repeat' };

for (const tasks of schedulers) {
  const task = tasks.task<Arithmetic['repeat']>({ thread, shield: true, timeout: '5s' }).schedule('ab', 2);
  assert<Equal<typeof task, Task<string, [text: string, times?: number | undefined]>>>();
  assert<Equal<Awaited<ReturnType<typeof task.result>>, string>>();
  tasks.task<Arithmetic['repeat']>({ thread }).schedule('ab');
  const soon = tasks.task<Arithmetic['addSoon']>({ thread }).schedule(1, 2);
  assert<Equal<Awaited<ReturnType<typeof soon.result>>, number>>();
  const fileName = tasks.task({ thread: { file: '/app/dist/work.js' } }).schedule('anything', 1, null);
  assert<Equal<Awaited<ReturnType<typeof fileName.result>>, unknown>>();

  // @ts-expect-error a missing argument
  tasks.task<Arithmetic['repeat']>({ thread }).schedule();
  // @ts-expect-error a wrong type
  tasks.task<Arithmetic['repeat']>({ thread }).schedule(7, 2);
  // @ts-expect-error one too many
  tasks.task<Arithmetic['repeat']>({ thread }).schedule('ab', 2, 3);
  // @ts-expect-error no function
  tasks.task<Arithmetic['total']>({ thread });
  // @ts-expect-error no file
  tasks.task({ thread: { export: 'repeat' } });
  // @ts-expect-error a function has no place where there is a thread: it would be an argument
  tasks.task<Arithmetic['repeat']>({ thread }).schedule((text: string) => text, 'ab');
}
