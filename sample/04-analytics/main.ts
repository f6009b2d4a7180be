import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
// Without it Ctrl+C ends the process at once, and the events in the buffer with it.
app.enableShutdownHooks();

const port = process.env.PORT ?? '3000';
await app.listen(port, process.env.HOST ?? '127.0.0.1');
new Logger('Analytics').log(
  `Try: curl -i localhost:${port}/track -H 'content-type: application/json' -d '{"userId":"u1","event":"page_view"}'`,
);
