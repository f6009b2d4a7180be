import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { Alerts } from './alerts.service.js';
import { AnalyticsController } from './analytics.controller.js';
import { dataDirProvider } from './data-dir.provider.js';
import { EventBuffer } from './event-buffer.service.js';
import { EventStore } from './event-store.service.js';
import { SpoolBatch } from './spool-batch.handler.js';

@Module({
  imports: [TasksModule.forRoot()],
  controllers: [AnalyticsController],
  providers: [dataDirProvider, Alerts, EventBuffer, EventStore, SpoolBatch],
})
export class AppModule {}
