import { PrismaPg } from '@prisma/adapter-pg';
import { fromPrisma } from 'nestjs-tasks/outbox';
import { PrismaClient, type Prisma } from '../prisma/generated/postgresql/client/client.ts';

class PrismaService extends PrismaClient {}

declare const transaction: Prisma.TransactionClient;
const client = new PrismaService({ adapter: new PrismaPg({}) });

fromPrisma(client);
fromPrisma(client.$extends({ model: { thing: { first: () => 1 } } }));
// @ts-expect-error A transaction is no root client.
fromPrisma(transaction);
// @ts-expect-error Options are no client.
fromPrisma({ adapter: new PrismaPg({}) });
