import { Test } from '@nestjs/testing';
import { TestTasks } from 'nestjs-tasks/testing';
import request from 'supertest';
import { AppModule } from './../src/app.module.js';

describe('OrdersController (e2e)', () => {
  it('sends a letter after the response', async () => {
    const builder = Test.createTestingModule({ imports: [AppModule] });
    const tasks = TestTasks.install(builder);
    const app = (await builder.compile()).createNestApplication();
    await app.init();
    await request(app.getHttpServer()).post('/orders/Ada').expect(201).expect('ordered, 0 sent');
    await tasks.idle();
    await request(app.getHttpServer()).get('/orders/sent').expect(200).expect('Ada, 42');
    await app.close();
  });
});
