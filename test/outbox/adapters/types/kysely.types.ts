import { Kysely, type PostgresDialect } from 'kysely';
import { fromKysely } from 'nestjs-tasks/outbox';

declare const dialect: PostgresDialect;
fromKysely(new Kysely<{ orders: { id: number } }>({ dialect }));
// @ts-expect-error A dialect is no instance.
fromKysely(dialect);
