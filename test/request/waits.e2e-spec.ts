import { Controller, Get } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Tasks, TaskWaitError, TasksService } from 'nestjs-tasks';
import { send, startApp } from '../support/app.js';

@Controller()
class WaitingController {
  @Get('for-itself')
  async forItself(@Tasks() tasks: TasksService) {
    const audit = tasks.afterRoute.task({ name: 'audit' }).schedule(() => 'audited');
    try {
      return await audit.result();
    } catch (error) {
      return error instanceof TaskWaitError ? error.message : 'another error';
    }
  }

  @Get('for-none')
  async forNone(@Tasks() tasks: TasksService) {
    const result = tasks.afterRoute.schedule(() => 'audited').result();
    void result.then((value) => (WaitingController.late = value));
    return 'answered';
  }

  static late: string | undefined;
}

it('a handler that awaits a task of its own batch is told why, and the task runs', async () => {
  await using test = await startApp({ controllers: [WaitingController] });
  expect((await send(`${test.url}/for-itself`)).body).toMatch(
    /^Task audit#\d+ is held until its handler has ended, and the handler awaits it\./,
  );
  await test.tasks.idle();
  expect(test.tasks.expectScheduled('audit').status).toBe('succeeded');
  expect(test.logs.lines.filter((line) => line.includes('is held until its handler has ended'))).toHaveLength(1);
  expect((await send(`${test.url}/for-none`)).body).toBe('answered');
  await test.tasks.idle();
  expect(WaitingController.late).toBe('audited');
});
