// npm run bench: measures, prints, and writes bench/RESULTS.md; with names, such as `-- durable`, those parts only. With
// --short: only shows that the benches work.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

const { values, positionals: selected } = parseArgs({
  options: { short: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const { short } = values;

function run(script) {
  return new Promise((resolve, reject) => {
    const args = ['--expose-gc', `${import.meta.dirname}/${script}`, ...(short ? ['--short'] : [])];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on('exit', (code) => (code === 0 ? resolve(output.trim()) : reject(new Error(`${script} failed`))));
  });
}

const version = (name, folder = '..') =>
  `${name} ${JSON.parse(readFileSync(`${import.meta.dirname}/${folder}/node_modules/${name}/package.json`, 'utf8')).version}`;

/** The commit that is measured. The results themselves may have changed: each version of Node.js writes its own. */
function commit() {
  const git = (...args) => execFileSync('git', args, { cwd: `${import.meta.dirname}/..`, encoding: 'utf8' }).trim();
  try {
    const changes = git('status', '--porcelain', '--', '.', ':!bench/RESULTS.md');
    return `commit ${git('rev-parse', '--short', 'HEAD')}${changes === '' ? '' : ' + changes'}`;
  } catch {
    return 'an unknown commit';
  }
}

const PARTS = [
  {
    name: 'schedule',
    title: 'A scheduled no-op',
    intro: `A plain \`scheduler.schedule(noop)\` of an async no-op against the same in peers, with AsyncLocalStorage in use in all. Each arm has a
process of its own and works alone, with gc before, so that none pays for the heap, the types or the AsyncLocalStorage of another. \`nestjs-tasks\`
has \`@opentelemetry/api\` and no SDK; the second arm has no API. fastq has no limit, so nothing waits, and it keeps no async context: a floor.
@nestjs/event-emitter is a listener and \`emit()\`, as documented: \`@OnEvent()\` starts the listener within the call, \`async: true\` in a
\`setImmediate\` of its own.`,
    versions: () => [
      version('@nestjs/core'),
      version('@opentelemetry/api'),
      version('p-queue', '.'),
      version('fastq', '.'),
      version('@nestjs/event-emitter', '.'),
    ],
  },
  {
    name: 'http',
    title: 'An HTTP request',
    intro: `CPU time of the server for a route that returns a small object, and sets off an async no-op where the name says how. 32 connections each send a
request when they have the last response. All servers are alive, and answer slices of 250 requests (Fastify: 500) in turns. A round starts all
servers again, and takes the median ratio of five blocks of four slices each. The first row compares two processes of one application: the
noise. AsyncLocalStorage is in use only where an arm brings it.`,
    versions: () => [version('@nestjs/core'), version('express'), version('fastify')],
  },
  {
    name: 'shutdown',
    title: 'A shutdown',
    intro: `From SIGTERM to the end of the process, with 10,000 tasks that nothing shields. Each waits on a timer of \`timers/promises\` with its signal. By
hand, each has an \`AbortController\`, and \`onModuleDestroy\` aborts all and waits for them. Each measurement has a new process.`,
    versions: () => [version('@nestjs/core')],
  },
  {
    name: 'boot',
    title: 'The start of an application',
    intro: `An application without a server and with one durable task, which is created and closed. Redis runs on the same machine.`,
    versions: () => [version('@nestjs/core'), version('bullmq'), version('ioredis')],
  },
  {
    name: 'memory',
    title: 'A durable task in memory',
    intro: `A queue is filled with no-ops and then worked off at a concurrency of 10, against p-queue, which has no records, keys, retries, handles or
leases. Each arm has a process of its own; AsyncLocalStorage is in use in both.`,
    versions: () => [version('@nestjs/core'), version('p-queue', '.')],
  },
  {
    name: 'durable',
    title: 'A durable task',
    intro: `An application with \`@Durable()\` against BullMQ by hand that keeps completed jobs as long, on the same server, with AsyncLocalStorage in use in
both. The library has no \`addBulk()\`: its \`add()\`, 1,000 at once, is compared with both ways of BullMQ. How late BullMQ is on Redis depends on
the \`hz\` of the server, here 10, its default.`,
    versions: () => [version('@nestjs/core'), version('bullmq'), version('ioredis'), version('pg')],
  },
  {
    name: 'outbox',
    title: 'An addition within a transaction',
    intro: `One order after the other, each a transaction with one row of the application's: \`add()\` within it, against a plain \`add()\` after its
commit. The time is from the commit to the start of the task, at a median of 100 orders a round. Everything lies on one machine, and the process
that writes has the worker. On PostgreSQL the commit wakes it; elsewhere it looks after 1, 2, 4 ms and so on.`,
    versions: () => [version('@nestjs/core'), version('bullmq'), version('pg'), version('mysql2'), version('libsql')],
  },
  {
    name: 'dashboard',
    title: 'The dashboard',
    intro: `A process with 1,000 scheduled executions in memory, and 50 runs a second: CPU time without the dashboard, with it while nobody looks, and
with twenty open tabs, each an event stream of one of four views.`,
    versions: () => [version('@nestjs/core'), version('express')],
  },
  {
    name: 'cancel',
    title: 'The cancellation of a running task',
    intro: `From the call in one process to the signal of the task in another, 50 tasks a round, one after the other. \`queue.cancel(key)\` finds the
execution, notes the cancellation and tells the workers, which look at the note before they do anything. By hand, the id of the job goes out by
pub/sub or \`NOTIFY\`, and the worker that hears it calls BullMQ's \`cancelJob()\`: a message that is lost or forged is not noticed.`,
    versions: () => [version('@nestjs/core'), version('bullmq'), version('ioredis'), version('pg')],
  },
  {
    name: 'backlog',
    title: 'A long backlog',
    intro: `What operations cost with so many executions waiting, each with a key (three rounds). Beside \`snapshot()\` stands BullMQ's \`getJobs()\` of the
first 1,000, beside \`get(key)\` and \`cancel(key)\` its \`getJob()\` and \`remove()\` of a \`jobId\`, beside \`clear()\` its \`drain()\`, which
remembers nothing of what it removes, and is one command. The keys in question lie in the middle of the backlog.`,
    versions: () => [version('@nestjs/core'), version('bullmq'), version('ioredis'), version('pg')],
  },
  {
    name: 'values',
    title: 'Arguments and results as text',
    intro: `The text that is stored of a value, written and read, against superjson and devalue. And random graphs of all types in which objects stand in
several places and within themselves: what is read is compared with what was written, with the order of Sets and Maps and with what is the same
object.`,
    versions: () => [version('superjson', '.'), version('devalue', '.')],
  },
  {
    name: 'perpetual',
    title: 'A perpetual task',
    intro: `200 chains of 20 runs, a millisecond apart, at a concurrency of 50: against as many plain executions, and against jobs of BullMQ that call
\`updateData()\`, \`moveToDelayed()\` and throw a \`DelayedError\`.`,
    versions: () => [version('@nestjs/core'), version('bullmq'), version('ioredis')],
  },
  {
    name: 'contention',
    title: 'Executions that must not overlap',
    intro: `10,000 of 5 ms each over 100 keys, \`@ConcurrencyLimit(1)\` against BullMQ by hand with a lock for each key and a retry after 100 ms, both at a
concurrency of 100 (three rounds; of the retries with keys in order, 2,000 over 20 keys). And 10,000 strikes on other values of a parameter
(seven rounds).`,
    versions: () => [version('@nestjs/core'), version('bullmq'), version('ioredis')],
  },
];

const unknown = selected.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) throw new Error(`No bench ${unknown}: there are ${PARTS.map(({ name }) => name).join(', ')}`);

const HEAD = `# Results

Each figure is the median of seven rounds where nothing else is said, with the lowest and the highest in brackets. Ratios compare arms of the same
round, which run in turns, in an order that alternates. Trust ratios more than absolute figures, which move with the load of the machine.
Each part names the commit that it was measured at, not the newest one; one that is not in the history came before 59bf23b.
\`npm run bench\` replaces the section of the Node.js version that it runs on, \`npm run bench -- durable\` one part of it.
`;
const sectionTitle = `## Node.js ${process.versions.node.split('.')[0]}`;

async function measure({ name, title, intro, versions }) {
  const output = await run(`${name}.js`);
  const machine = `${cpus().length} cores of ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const measured = `Measured on ${new Date().toISOString().slice(0, 10)}, ${commit()}: ${machine}, Node.js ${process.versions.node}. ${versions().join(', ')}.`;
  return [`### ${title}`, intro, measured, output].join('\n\n');
}

function partOf(section, { title }) {
  const parts = section.split(/^(?=### )/m);
  return parts.find((part) => part.startsWith(`### ${title}\n`))?.trim();
}

/** The sections of the other versions stay, and so do the parts of this one that were not measured. */
function write(file, measured) {
  const known = existsSync(file)
    ? readFileSync(file, 'utf8')
        .split(/^(?=## )/m)
        .slice(1)
        .map((text) => text.trim())
    : [];
  const isOwn = (text) => text.startsWith(`${sectionTitle}\n`);
  const before = known.find(isOwn) ?? '';
  const parts = PARTS.map((part) => measured.get(part) ?? partOf(before, part)).filter((text) => text !== undefined);
  const sections = [...known.filter((text) => !isOwn(text)), [sectionTitle, ...parts].join('\n\n')].toSorted();
  writeFileSync(file, `${[HEAD.trim(), ...sections].join('\n\n')}\n`);
}

const measured = new Map();
for (const part of PARTS) {
  if (selected.length === 0 || selected.includes(part.name)) measured.set(part, await measure(part));
}
if (!short) write(`${import.meta.dirname}/RESULTS.md`, measured);
