import { Client, Pool } from 'pg';
import { fromPg } from 'nestjs-tasks/outbox';

fromPg(new Pool());
// @ts-expect-error A url is no pool.
fromPg('postgres://127.0.0.1');
// @ts-expect-error A client is no pool.
fromPg(new Client());
