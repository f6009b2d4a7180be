import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
const port = process.env.PORT ?? 3000;
await app.listen(port, process.env.HOST ?? '127.0.0.1');
new Logger('Streaming').log(`Try: curl -N http://localhost:${port}/export && curl http://localhost:${port}/timeline`);
