import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { MulterModule } from '@nestjs/platform-express';
import { TasksModule } from 'nestjs-tasks';
import { Catalogue } from './catalogue.service.js';
import { CrashRecovery } from './crash-recovery.service.js';
import { ImageFailureHandler } from './image-failure.handler.js';
import { ImageTasks } from './image.tasks.js';
import { ImagesController } from './images.controller.js';
import { PoolFullFilter } from './pool-full.filter.js';
import { ImageStore } from './store.service.js';
import { StoreModule } from './store.module.js';
import { uploadOptions } from './upload.options.js';

@Module({
  imports: [
    // Decoded images are large: a burst of uploads waits for its turn, and what is too much is answered with 503.
    TasksModule.forRoot({ pools: { images: { concurrency: 2, maxQueue: 50 } } }),
    StoreModule,
    MulterModule.registerAsync({
      imports: [StoreModule],
      inject: [ImageStore],
      useFactory: ({ uploads }: ImageStore) => uploadOptions(uploads),
    }),
  ],
  controllers: [ImagesController],
  providers: [
    { provide: APP_FILTER, useClass: PoolFullFilter },
    Catalogue,
    CrashRecovery,
    ImageFailureHandler,
    ImageTasks,
  ],
})
export class AppModule {}
