import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from './worker.module.js';

// No HTTP server: it lives on its connection to the queue.
const app = await NestFactory.createApplicationContext(WorkerModule);
// Without it, SIGTERM ends the process at once. Nothing would be lost, but the charge would be cut in two.
app.enableShutdownHooks();
new Logger('Shop').log('Ready');
