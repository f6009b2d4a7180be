import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
// Without it Ctrl+C ends the process at once, and a mail that is between two tries is never sent.
app.enableShutdownHooks();

const port = process.env.PORT ?? '3000';
await app.listen(port, process.env.HOST ?? '127.0.0.1');
new Logger('Registration').log(
  `Try: curl -i localhost:${port}/register -H 'content-type: application/json' -d '{"email":"ada@example.com","password":"correct horse"}'`,
);
