import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { DownloadTasks } from './download.tasks.js';
import { DownloadsController } from './downloads.controller.js';
import { DownloadsService } from './downloads.service.js';
import { RowsService } from './rows.service.js';
import { TimelineController } from './timeline.controller.js';
import { Timeline } from './timeline.service.js';

@Module({
  imports: [TasksModule.forRoot()],
  controllers: [DownloadsController, TimelineController],
  providers: [DownloadTasks, DownloadsService, RowsService, Timeline],
})
export class AppModule {}
