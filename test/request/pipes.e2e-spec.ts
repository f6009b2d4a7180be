import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Inject,
  Param,
  Post,
  Query,
  UsePipes,
  type ArgumentMetadata,
  type PipeTransform,
} from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { Tasks, TasksService } from 'nestjs-tasks';
import { ADAPTERS, startApp } from '../support/app.js';
import { Journal } from '../support/journal.js';

/** As Nest's documentation has it for zod, with a check by hand: it copies what it has checked, and knows no type. */
class SchemaPipe implements PipeTransform {
  constructor(private readonly keys: readonly string[]) {}

  transform(value: unknown): unknown {
    const entries = Object.entries((value ?? {}) as object).filter(([key]) => this.keys.includes(key));
    if (entries.length < this.keys.length) throw new BadRequestException('Validation failed');
    return Object.fromEntries(entries);
  }
}

/** Copies all objects, as one that trims strings does. */
class CopyPipe implements PipeTransform {
  transform(value: unknown): unknown {
    return typeof value === 'object' && value !== null ? { ...value } : value;
  }
}

/** Instantiates the type of each parameter, as ValidationPipe does with validateCustomDecorators. */
class InstancePipe implements PipeTransform {
  transform(value: unknown, { metatype }: ArgumentMetadata): unknown {
    if (metatype === undefined || [String, Number, Object].includes(metatype as never)) return value;
    const instance: object = Object.assign(new metatype() as object, value);
    if (Object.keys(instance).some((key) => key !== 'id')) throw new BadRequestException('should not exist');
    return instance;
  }
}

class Dto {
  id!: string;
}

@Controller()
class PipedController {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @UsePipes(new SchemaPipe(['id']))
  @Post('strict')
  strict(@Tasks() tasks: TasksService, @Body() _dto: Dto) {
    this.schedule(tasks);
  }

  @UsePipes(new SchemaPipe([]))
  @Post('lenient')
  lenient(@Body() _dto: Dto, @Tasks() tasks: TasksService) {
    this.schedule(tasks);
  }

  @UsePipes(new SchemaPipe(['page']))
  @Get('query')
  query(@Query() _query: object, @Tasks() tasks: TasksService) {
    this.schedule(tasks);
  }

  @UsePipes(new SchemaPipe(['0', '1']))
  @Get('param/:name')
  param(@Param('name') _name: string, @Tasks() tasks: TasksService) {
    this.schedule(tasks);
  }

  @Post('alone')
  alone(@Tasks() tasks: TasksService) {
    this.schedule(tasks);
  }

  @Post('typed')
  typed(@Body() dto: Dto, @Tasks() tasks: TasksService) {
    this.schedule(tasks);
    return dto;
  }

  private schedule(tasks: TasksService): void {
    tasks.afterRoute.schedule(this.journal.write, 'route');
    tasks.afterResponse.schedule(this.journal.write, 'response');
  }
}

describe.each(ADAPTERS)('@Tasks() among pipes on %s', (_name, adapter) => {
  it.each([[], [new CopyPipe()], [new InstancePipe()], [new CopyPipe(), new InstancePipe()]])(
    'is the service, whatever they do: %#',
    async (...pipes) => {
      const providers = [Journal, ...pipes.map((pipe) => ({ provide: APP_PIPE, useValue: pipe }))];
      await using piped = await startApp({ controllers: [PipedController], providers }, {}, adapter);
      const server = request(piped.url);
      await server.post('/strict').send({ id: 'a' }).expect(201);
      await server.post('/strict').send({}).expect(400);
      await server.post('/lenient').send({ id: 'a' }).expect(201);
      await server.get('/query?page=1').expect(200);
      await server.get('/param/xy').expect(200);
      await server.post('/alone').send({ id: 'a' }).expect(201);
      await server.post('/typed').send({ id: 'a' }).expect(201, { id: 'a' });
      await piped.tasks.idle();
      expect(piped.app.get(Journal).take()).toHaveLength(12);
    },
  );
});
