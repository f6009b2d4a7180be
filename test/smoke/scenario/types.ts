import { OnTaskError, TasksModule, type Task, type TaskScheduler, type TasksService } from 'nestjs-tasks';

// Only compiled: what the packed declarations have to refuse, and what they have to know.

export function request(tasks: TasksService, scheduler: TaskScheduler): Promise<number>[] {
  const double = async (n: number): Promise<number> => n * 2;
  const task: Task<number, [n: number]> = tasks.afterRoute.schedule(double, 1);
  // @ts-expect-error a wrong argument
  tasks.schedule(double, '1');
  // @ts-expect-error a wrong argument behind task()
  tasks.afterResponse.task({ shield: true }).schedule(double, '1');
  // @ts-expect-error an unknown option
  scheduler.task({ shielded: true });
  // @ts-expect-error no error handler
  OnTaskError(double.name);
  // @ts-expect-error not an option of the module
  TasksModule.forRoot({ shutdown: { grace: 1 } });
  return [task.result(), scheduler.schedule(double, 2).result()];
}
