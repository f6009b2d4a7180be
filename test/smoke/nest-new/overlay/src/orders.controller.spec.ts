import { Test } from '@nestjs/testing';
import { TaskScheduler, TasksModule } from 'nestjs-tasks';
import { TestTasks } from 'nestjs-tasks/testing';
import { MailService } from './orders.controller.js';

describe('MailService', () => {
  it('is given a letter, which the test tasks record', async () => {
    const builder = Test.createTestingModule({ imports: [TasksModule.forRoot()], providers: [MailService] });
    const tasks = TestTasks.install(builder, { mode: 'record' });
    const module = await builder.compile();
    const mail = module.get(MailService);
    module.get(TaskScheduler).schedule(mail.send, 'Ada');
    tasks.expectScheduled(mail.send, { args: ['Ada'], times: 1 });
    expect(mail.sent).toEqual([]);
    await module.close();
  });
});
