// npm run test:versions -- <commit>: the library of that commit and this one, as processes of one fleet, on Redis and on
// PostgreSQL. Each adds to, runs, retries and reads what the other has written.
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { findPostgres } from '../support/servers/postgres.js';
import { findRedis } from '../support/servers/redis.js';
import { CHECKS } from './checks.js';
import { buildCommit, CURRENT, findCommit } from './earlier-build.js';
import { VersionProcess } from './version-process.js';

const BROKERS = { redis: findRedis, postgres: findPostgres };
const [name, ...brokers] = process.argv.slice(2);
if (name === undefined || brokers.some((broker) => BROKERS[broker] === undefined)) {
  console.error('Usage: npm run test:versions -- <commit> [redis] [postgres]');
  process.exit(64);
}
const commit = findCommit(name);
if (commit === undefined) {
  console.error(`This clone has no commit ${name}. Fetch the history with: git fetch --unshallow`);
  process.exit(69);
}

const earlier = buildCommit(commit);
process.once('exit', earlier.remove);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

const versions = {
  earlier: { label: commit.slice(0, 7), library: earlier.library },
  current: { label: 'current', library: CURRENT },
};
const PAIRS = [
  [versions.earlier, versions.current],
  [versions.current, versions.earlier],
];

/** A queue of its own, on which one version adds and the other works. */
async function runPair(url, [adding, working]) {
  const settings = { url, prefix: `versions_${randomBytes(4).toString('hex')}` };
  const processes = [];
  const start = async ({ label, library }, isWorker, isRescue = false) => {
    const started = await VersionProcess.start(label, { ...settings, library, isWorker, isRescue });
    processes.push(started);
    return started;
  };
  const failures = [];
  try {
    const adder = await start(adding, false);
    const worker = await start(working, true);
    const fleet = {
      adder,
      worker,
      async replaceWorker(isReady, dying) {
        await isReady();
        await dying.kill();
        return start(adding, true, true);
      },
      /** Ends all processes, and starts one of each version that only reads. */
      async restart() {
        await Promise.all(processes.map((each) => each.close()));
        return Promise.all([start(adding, false), start(working, false)]);
      },
    };
    for (const check of CHECKS) {
      const { needs = [], adderNeeds = [] } = check;
      const isAbsent = !adder.offers(...needs, ...adderNeeds) || !worker.offers(...needs);
      const failure = isAbsent
        ? undefined
        : await check.run(fleet).then(
            () => undefined,
            (error) => error,
          );
      const mark = isAbsent ? '–' : failure === undefined ? '✓' : '✗';
      console.log(`  ${mark} ${check.name}${isAbsent ? ' (not in both)' : ''}`);
      if (failure !== undefined) {
        failures.push(failure);
        console.log(String(failure.stack ?? failure).replaceAll(/^/gm, '      '));
      }
    }
  } finally {
    await Promise.all(processes.map((each) => each.close()));
    await removeQueue(settings);
  }
  return failures.length;
}

async function removeQueue({ url, prefix }) {
  if (url.startsWith('redis')) {
    const redis = new Redis(url);
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
      if (keys.length > 0) await redis.unlink(...keys);
    }
    await redis.quit();
    return;
  }
  const client = new Client(url);
  await client.connect();
  await client.query(`DROP SCHEMA IF EXISTS "${prefix}" CASCADE`);
  await client.end();
}

let failed = 0;
for (const broker of brokers.length > 0 ? brokers : Object.keys(BROKERS)) {
  const server = await BROKERS[broker]();
  for (const pair of PAIRS) {
    const [adding, working] = pair;
    console.log(`${broker}: ${adding.label} adds, ${working.label} works`);
    failed += await runPair(server.url, pair);
  }
  await server.stop();
}
console.log(failed === 0 ? 'Both versions understand each other.' : `${failed} checks have failed.`);
process.exit(failed === 0 ? 0 : 1);
