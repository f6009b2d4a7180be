import { Module } from '@nestjs/common';
import { NetworkModule } from '../network.module.js';
import { DurableBoard } from './durable-board.js';
import { DurableController } from './durable.controller.js';
import { InvoiceTasks } from './invoice.tasks.js';
import { ParcelTasks } from './parcel.tasks.js';
import { Partner } from './partner.js';
import { RecommendationTasks } from './recommendation.tasks.js';
import { StocktakeTasks } from './stocktake.tasks.js';
import { UpkeepTasks } from './upkeep.tasks.js';

/** Durable tasks of the shop, a file for each pattern. */
@Module({
  imports: [NetworkModule],
  controllers: [DurableController],
  providers: [Partner, ParcelTasks, InvoiceTasks, RecommendationTasks, StocktakeTasks, UpkeepTasks, DurableBoard],
  exports: [DurableBoard],
})
export class DurableModule {}
