import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { QUEUE } from './queue.options.js';
import { ShopModule } from './shop.module.js';

@Module({
  imports: [
    TasksModule.forRoot({
      // A lease of 3 s, so that nobody who watches has to wait for the default of 15 s after a kill -9.
      queue: { ...QUEUE, worker: { concurrency: 5, lease: '3s' } },
      shutdown: { timeout: '20s' },
    }),
    ShopModule,
  ],
})
export class WorkerModule {}
