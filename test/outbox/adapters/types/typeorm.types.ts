import { DataSource, type EntityManager } from 'typeorm';
import { fromTypeOrm } from 'nestjs-tasks/outbox';

declare const manager: EntityManager;

fromTypeOrm(new DataSource({ type: 'postgres' }));
fromTypeOrm(manager.dataSource);
// @ts-expect-error A manager is no DataSource.
fromTypeOrm(manager);
// @ts-expect-error Options are no DataSource.
fromTypeOrm({ type: 'postgres' });
