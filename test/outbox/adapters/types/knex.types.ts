import { knex, type Knex } from 'knex';
import { fromKnex } from 'nestjs-tasks/outbox';

fromKnex(knex({ client: 'pg' }));
declare const typed: Knex<{ id: number }, { id: number }[]>;
fromKnex(typed);
// @ts-expect-error Options are no instance.
fromKnex({ client: 'pg' });
