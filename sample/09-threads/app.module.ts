import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { PrimesController } from './primes.controller.js';
import { PrimesTasks } from './primes.tasks.js';

@Module({
  imports: [TasksModule.forRoot({ threads: { max: 2 } })],
  controllers: [PrimesController],
  providers: [PrimesTasks],
})
export class AppModule {}
