import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { QUEUE } from './queue.options.js';
import { ShopController } from './shop.controller.js';
import { ShopModule } from './shop.module.js';

/** Adds to the queue and runs nothing. */
@Module({
  imports: [TasksModule.forRoot({ queue: { ...QUEUE, worker: false } }), ShopModule],
  controllers: [ShopController],
})
export class ApiModule {}
