// npm run bench: measures, prints, and writes bench/RESULTS.md; with names, such as `-- durable`, those parts only. With
// --short: only shows that the benches work.
import { spawn } from 'node:child_process';
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

const PARTS = [
  {
    name: 'schedule',
    intro:
      'A scheduled no-op: a plain `scheduler.schedule(noop)` against the same in peers, with AsyncLocalStorage in use in all.',
    versions: () => [
      version('@nestjs/core'),
      version('p-queue', '.'),
      version('fastq', '.'),
      version('@nestjs/event-emitter', '.'),
    ],
  },
  {
    name: 'http',
    intro:
      'An HTTP request: a route that returns a small object, 32 connections, load generator and server in processes of their own.',
    versions: () => [version('@nestjs/core'), version('express'), version('fastify')],
  },
  {
    name: 'durable',
    intro:
      'A durable task: an application with `@Durable()` against BullMQ by hand that keeps completed jobs as long, on the same server, with AsyncLocalStorage in use in both.',
    versions: () => [version('@nestjs/core'), version('bullmq'), version('ioredis'), version('pg')],
  },
  {
    name: 'contention',
    intro:
      'Executions that must not overlap: 10,000 of 5 ms each over 100 keys, `@ConcurrencyLimit(1)` against BullMQ by hand with a lock for each key and a retry after 100 ms, both at a concurrency of 100 (three rounds; of the retries with keys in order, 2,000 over 20 keys). And 10,000 strikes on other values of a parameter (seven rounds).',
    versions: () => [version('@nestjs/core'), version('bullmq'), version('ioredis')],
  },
];

const unknown = selected.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) throw new Error(`No bench ${unknown}: there are ${PARTS.map(({ name }) => name).join(', ')}`);

const HEAD = `# Results

Each figure is the median of seven rounds where nothing else is said, with the lowest and the highest in brackets. Ratios compare arms of the same
round, which run in turns; trust them more than the absolute figures, which move with the load of the machine.
\`npm run bench\` replaces the section of the Node.js version that it runs on, \`npm run bench -- durable\` one part of it.
`;
const title = `## Node.js ${process.versions.node.split('.')[0]}`;

async function measure({ name, intro, versions }) {
  const output = await run(`${name}.js`);
  const measured = `Measured on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores of ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.versions.node}. ${versions().join(', ')}.`;
  return [intro, measured, output].join('\n\n');
}

/** From one of our introductions to the next. */
function partOf(section, { intro }) {
  const start = section.indexOf(intro);
  if (start === -1) return undefined;
  const ends = PARTS.map((part) => section.indexOf(part.intro, start + 1)).filter((end) => end !== -1);
  return section.slice(start, Math.min(section.length, ...ends)).trim();
}

/** The sections of the other versions stay, and so do the parts of this one that were not measured. */
function write(file, measured) {
  const known = existsSync(file)
    ? readFileSync(file, 'utf8')
        .split(/^(?=## )/m)
        .slice(1)
        .map((text) => text.trim())
    : [];
  const isOwn = (text) => text.startsWith(`${title}\n`);
  const before = known.find(isOwn) ?? '';
  const parts = PARTS.map((part) => measured.get(part) ?? partOf(before, part)).filter((text) => text !== undefined);
  const sections = [...known.filter((text) => !isOwn(text)), [title, ...parts].join('\n\n')].toSorted();
  writeFileSync(file, `${[HEAD.trim(), ...sections].join('\n\n')}\n`);
}

const measured = new Map();
for (const part of PARTS) {
  if (selected.length === 0 || selected.includes(part.name)) measured.set(part, await measure(part));
}
if (!short) write(`${import.meta.dirname}/RESULTS.md`, measured);
