// npm run chaos -- --broker redis|postgres --seed N --minutes M: a fleet of processes, faults without end, and an oracle
// that reads nothing but what the processes have written down. With two --broker, both at once.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readJournals } from './journal.js';
import { judge } from './oracle/oracle.js';
import { renderReport, renderTable } from './report.js';
import { Trial } from './trial.js';

const BROKERS = ['redis', 'postgres'];

const { values } = parseArgs({
  options: {
    broker: { type: 'string', multiple: true, default: BROKERS },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    minutes: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
  },
});
const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
if (!Number.isSafeInteger(seed) || !(minutes > 0) || values.broker.some((broker) => !BROKERS.includes(broker))) {
  console.error(
    'Usage: npm run chaos -- [--broker redis] [--broker postgres] [--seed N] [--minutes M] [--keep] [--table]',
  );
  process.exit(64);
}

const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-chaos-'));
// For root, PostgreSQL runs as another user.
chmodSync(folder, 0o711);
const trials = values.broker.map((broker) => {
  const own = join(folder, broker);
  mkdirSync(own);
  return new Trial({ broker, seed, minutes, folder: own });
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await Promise.all(trials.map((trial) => trial.end()));
    process.exit(130);
  });
}

console.log(`chaos: ${values.broker.join(' and ')}, seed ${seed}, ${minutes} min of faults`);
let isSound = true;
const columns = await Promise.all(
  trials.map(async (trial) => {
    try {
      await trial.run();
    } catch (error) {
      isSound = false;
      console.error(`chaos on ${trial.broker} could not be run to its end:`, error);
    } finally {
      await trial.end();
    }
    const verdict = judge(readJournals(trial.folder));
    isSound &&= verdict.findings.length === 0;
    console.log(renderReport(trial, verdict));
    return [trial, verdict];
  }),
);
if (values.table) console.log(`\n${renderTable(columns)}\n`);
if (isSound && !values.keep) rmSync(folder, { recursive: true, force: true });
else console.log(`The journals and logs of all processes are in ${folder}`);
process.exit(isSound ? 0 : 1);
