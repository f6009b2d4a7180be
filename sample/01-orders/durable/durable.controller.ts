import { Body, Controller, Post } from '@nestjs/common';
import { TaskQueue } from 'nestjs-tasks';
import { DurableBoard } from './durable-board.js';
import type { DurableState } from './durable-state.js';
import { InvoiceTasks } from './invoice.tasks.js';
import { ParcelTasks } from './parcel.tasks.js';
import { Partner } from './partner.js';
import { RecommendationTasks } from './recommendation.tasks.js';
import { StocktakeTasks } from './stocktake.tasks.js';
import { SwitchPipe } from './switch.pipe.js';
import { WholeNumberPipe } from './whole-number.pipe.js';

/** Buttons of the page. Each answers with the state that it has made. */
@Controller('durable')
export class DurableController {
  constructor(
    private readonly queue: TaskQueue,
    private readonly board: DurableBoard,
    private readonly partner: Partner,
    private readonly parcelTasks: ParcelTasks,
    private readonly invoiceTasks: InvoiceTasks,
    private readonly recommendationTasks: RecommendationTasks,
    private readonly stocktakeTasks: StocktakeTasks,
  ) {}

  @Post('partner')
  breakPartner(@Body('isBroken', SwitchPipe) isBroken: boolean): Promise<DurableState> {
    this.partner.isBroken = isBroken;
    return this.board.state();
  }

  @Post('parcels')
  async sendParcels(@Body('count', new WholeNumberPipe(500)) count: number): Promise<DurableState> {
    await this.parcelTasks.send(count);
    return this.board.state();
  }

  @Post('invoices')
  async orderInvoices(@Body('count', new WholeNumberPipe(100)) count: number): Promise<DurableState> {
    await this.invoiceTasks.order(count);
    return this.board.state();
  }

  /** Strikes first: what is added after it is held. */
  @Post('recommendations')
  async strikeAndRecommend(@Body('count', new WholeNumberPipe(100)) count: number): Promise<DurableState> {
    await this.recommendationTasks.strike();
    await this.recommendationTasks.stream(count);
    return this.board.state();
  }

  @Post('strike')
  async strike(@Body('isStruck', SwitchPipe) isStruck: boolean): Promise<DurableState> {
    await (isStruck ? this.recommendationTasks.strike() : this.recommendationTasks.restore());
    return this.board.state();
  }

  @Post('stocktake')
  async takeStock(@Body('shelves', new WholeNumberPipe(100)) shelves: number): Promise<DurableState> {
    await this.stocktakeTasks.begin(shelves);
    return this.board.state();
  }

  @Post('pause')
  async pause(@Body('isPaused', SwitchPipe) isPaused: boolean): Promise<DurableState> {
    await (isPaused ? this.queue.pause({ reason: 'paused on the page of the shop' }) : this.queue.resume());
    return this.board.state();
  }
}
