import { createConnection, createPool, createPoolCluster } from 'mysql2';
import { createPool as createPoolOfPromises } from 'mysql2/promise';
import { fromMysql2 } from 'nestjs-tasks/outbox';

fromMysql2(createPool(''));
fromMysql2(createPoolOfPromises(''));
// @ts-expect-error A connection is no pool.
fromMysql2(createConnection(''));
// @ts-expect-error A cluster is no pool.
fromMysql2(createPoolCluster());
