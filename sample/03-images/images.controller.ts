import {
  Body,
  Controller,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  ParseFilePipe,
  ParseUUIDPipe,
  Post,
  UploadedFile,
  UseInterceptors,
} from '@nestjs/common';
import { FileInterceptor } from '@nestjs/platform-express';
import { Tasks, TasksService } from 'nestjs-tasks';
import { Catalogue } from './catalogue.service.js';
import { ImageTasks } from './image.tasks.js';
import type { Image } from './image.js';
import { UploadCleanupInterceptor } from './upload-cleanup.interceptor.js';

@Controller('images')
export class ImagesController {
  constructor(
    private readonly images: ImageTasks,
    private readonly catalogue: Catalogue,
  ) {}

  @Post()
  @HttpCode(202)
  @UseInterceptors(FileInterceptor('image'), UploadCleanupInterceptor)
  async create(
    @UploadedFile(ParseFilePipe) file: Express.Multer.File,
    @Body('album', new ParseUUIDPipe({ optional: true })) album: string | undefined,
    @Tasks() tasks: TasksService,
  ): Promise<Image> {
    const image: Image = { id: file.filename, album, status: 'processing' };
    // After the route, so that one of two tasks gets the file: this one, or if the route fails the interceptor's. First,
    // for it throws where too many images wait, and then there is none to be saved.
    tasks.afterRoute.task({ name: `finalize_${image.id}`, pool: 'images' }).schedule(this.images.finalize, image);
    await this.catalogue.save(image);
    return image;
  }

  @Get(':id')
  find(@Param('id', ParseUUIDPipe) id: string): Image {
    const image = this.catalogue.find(id);
    if (image === undefined) throw new NotFoundException(`No image ${id}`);
    return image;
  }
}
