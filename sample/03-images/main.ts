import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
// Without it a SIGTERM ends the process at once, shielded tasks and all.
app.enableShutdownHooks();
const port = process.env.PORT ?? 3000;
await app.listen(port, process.env.HOST ?? '127.0.0.1');
new Logger('Images').log(`Try: curl -F 'image=@photo.jpg;type=image/jpeg' http://localhost:${port}/images`);
