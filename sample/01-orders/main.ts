import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

// Each step of each durable run is a line of level debug.
const app = await NestFactory.create(AppModule, { logger: ['log', 'warn', 'error', 'fatal'] });
// Without this, Ctrl-C and SIGTERM end the process at once, and shielded tasks with it.
app.enableShutdownHooks();
const server = app.getHttpServer() as Server;
// A browser keeps its connections open; after the last response each would hold the shutdown up for 5 s.
server.keepAliveTimeout = 500;
await app.listen(process.env.PORT ?? 3000, process.env.HOST ?? '127.0.0.1');
const { port } = server.address() as AddressInfo;
const shop = `http://localhost:${port}`;
new Logger('Shop').log(`Order a book at ${shop}, and watch its tasks at ${shop}/tasks. Ctrl-C here ends the shop`);
