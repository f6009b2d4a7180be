import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
const server = app.getHttpServer() as Server;
server.keepAliveTimeout = 500; // a browser's connections hold no shutdown up
await app.listen(process.env['PORT'] ?? 3000, process.env['HOST'] ?? '127.0.0.1');
const { port } = server.address() as AddressInfo;
new Logger('Shop').log(`Order a book at http://localhost:${port}, and kill this process by a button`);
// The process that has started this one is gone, and nobody would end it.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
