// npm run bench: measures, prints, and writes bench/RESULTS.md. With --short: only shows that the benches work.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;

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

const schedule = await run('schedule.js');
const http = await run('http.js');
const HEAD = `# Results

Each figure is the median of seven rounds, with the lowest and the highest in brackets. Ratios compare arms of the same
round, which run in turns; trust them more than the absolute figures, which move with the load of the machine.
\`npm run bench\` replaces the section of the Node.js version that it runs on.
`;
const title = `## Node.js ${process.versions.node.split('.')[0]}`;
const section = `${title}

Measured on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores of ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.versions.node}. ${[
  version('@nestjs/core'),
  version('express'),
  version('fastify'),
  version('p-queue', '.'),
  version('fastq', '.'),
  version('@nestjs/event-emitter', '.'),
].join(', ')}.

A scheduled no-op: a plain \`scheduler.schedule(noop)\` against the same in peers, with AsyncLocalStorage in use in all.

${schedule}

An HTTP request: a route that returns a small object, 32 connections, load generator and server in processes of their own.

${http}
`;

/** The sections of the other versions stay. */
function write(file) {
  const known = existsSync(file)
    ? readFileSync(file, 'utf8')
        .split(/^(?=## )/m)
        .slice(1)
    : [];
  const others = known.map((text) => text.trim()).filter((text) => !text.startsWith(`${title}\n`));
  const sections = [...others, section.trim()].toSorted();
  writeFileSync(file, `${[HEAD.trim(), ...sections].join('\n\n')}\n`);
}
if (!short) write(`${import.meta.dirname}/RESULTS.md`);
