import { availableParallelism } from 'node:os';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { Client } from './client.js';
import { Place } from './primes.controller.js';

const COUNTS = 4;
const BELOW = 700_000;
/** Would take minutes. */
const FAR_TOO_MANY = 2_000_000_000;

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error', 'fatal'] });
await app.listen(0, '127.0.0.1');
const client = new Client(await app.getUrl());

const round = (milliseconds: number): string => `${milliseconds.toFixed(0)} ms`;

async function countIn(place: Place): Promise<void> {
  const since = performance.now();
  const counting = Array.from({ length: COUNTS }, () => client.get(`primes/${BELOW}/${place}`));
  const pings = await client.pingDuring(counting);
  const took = performance.now() - since;
  const [answer] = await Promise.all(counting);
  const slowest = Math.max(...pings.map((ping) => ping.took));
  console.log(`   ${COUNTS} counts took ${round(took)}: there are ${answer?.text} primes below ${BELOW}`);
  console.log(`   pings answered meanwhile: ${pings.length}, the slowest after ${round(slowest)}`);
}

console.log(`Prime numbers, on ${availableParallelism()} processors\n\nOn the event loop`);
await countIn(Place.EventLoop);
console.log('\nIn threads');
await countIn(Place.Thread);
console.log('\nIn a thread, too many for its timeout');
const { status, text, took } = await client.get(`primes/${FAR_TOO_MANY}/${Place.Thread}`);
console.log(`   answered after ${round(took)}: ${status}, ${text}`);

await app.close();
console.log('\nThe application is closed, and its threads have ended.');
