import type { EntityManager, MikroORM } from '@mikro-orm/core';
import type { MikroORM as MySqlORM } from '@mikro-orm/mysql';
import type { EntityManager as PostgresManager, MikroORM as PostgresORM } from '@mikro-orm/postgresql';
import { fromMikroOrm } from 'nestjs-tasks/outbox';

declare const orm: MikroORM;
declare const em: EntityManager;
declare const postgres: PostgresORM;
declare const mysql: MySqlORM;
declare const manager: PostgresManager;

for (const one of [orm, em, postgres, mysql, manager]) fromMikroOrm(one);
// @ts-expect-error Options are no entity manager.
fromMikroOrm({ dbName: 'orders' });
