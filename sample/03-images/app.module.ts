import { Module } from '@nestjs/common';
import { MulterModule } from '@nestjs/platform-express';
import { TasksModule } from 'nestjs-tasks';
import { Catalogue } from './catalogue.service.js';
import { CrashRecovery } from './crash-recovery.service.js';
import { ImageFailureHandler } from './image-failure.handler.js';
import { ImageTasks } from './image.tasks.js';
import { ImagesController } from './images.controller.js';
import { ImageStore } from './store.service.js';
import { StoreModule } from './store.module.js';
import { uploadOptions } from './upload.options.js';

@Module({
  imports: [
    TasksModule.forRoot({ concurrency: 4 }), // decoded images are large: a burst of uploads waits for its turn
    StoreModule,
    MulterModule.registerAsync({
      imports: [StoreModule],
      inject: [ImageStore],
      useFactory: ({ uploads }: ImageStore) => uploadOptions(uploads),
    }),
  ],
  controllers: [ImagesController],
  providers: [Catalogue, CrashRecovery, ImageFailureHandler, ImageTasks],
})
export class AppModule {}
