import { NoDatabaseError, type Database } from './database.js';
import { findPostgres } from './postgres.js';
import { findRedis } from './redis.js';
import { Stage } from './stage.js';
import { tellStory } from './story.js';

const wantsPostgres = process.argv.includes('--postgres') || process.env.POSTGRES_URL !== undefined;

async function run(database: Database): Promise<void> {
  await using stage = await Stage.open(database);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.log('   stopped: ending the processes');
      void stage[Symbol.asyncDispose]()
        .then(() => database.close())
        .finally(() => process.exit(130));
    });
  }
  console.log(`Durable orders on ${database.label}, under ${stage.prefix}`);
  await tellStory(stage);
}

try {
  const database = await (wantsPostgres ? findPostgres() : findRedis());
  try {
    await run(database);
  } finally {
    await database.close();
  }
} catch (error) {
  console.error(error instanceof NoDatabaseError ? error.message : error);
  process.exitCode = 1;
}
