import assert from 'node:assert/strict';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { run, runWell } from './command.js';
import { checkProgram } from './program.js';

const SCENARIOS = ['http', 'transports', 'queue', 'dashboard', 'shutdown', 'signals'];
/** Scenarios for the oldest peers. Not `transports`: @nestjs/microservices 12 itself does not load with rxjs 7.1. */
const QUICK = ['http', 'queue'];

/** Lowest versions that package.json promises to work with, and that npm installs together, by consumer. */
const OLDEST = {
  'esm-nest12': { nest: '12.0.1', 'reflect-metadata': '0.1.12', rxjs: '7.1.0' },
  'cjs-nest11': { nest: '11.0.5', 'reflect-metadata': '0.1.12', rxjs: '7.1.0' },
};

/** Files that an application loads with an import of their own alone, and those of the program. */
const APART = ['dashboard', 'operations.js', 'outbox', 'cli'].flatMap((file) => [`dist/${file}`, `dist/cjs/${file}`]);
/** Scenarios of an application that imports `nestjs-tasks` and its testing kit only. */
const WITHOUT_APART = ['http', 'queue'];

const require = createRequire(import.meta.url);
const TSC = join(require.resolve('typescript/package.json'), '..', 'bin', 'tsc');

/** Installs the tarball into a copy of the application `name`, and runs all scenarios there. */
export async function checkConsumer(report, name, tarball, folder) {
  await cp(join(import.meta.dirname, name), folder, { recursive: true });
  await cp(join(import.meta.dirname, 'scenario'), join(folder, 'scenario'), { recursive: true });

  const isInstalled = await report.check(`${name}: npm install`, () =>
    runWell('npm', ['install', '--no-audit', '--no-fund', tarball], folder),
  );
  if (!isInstalled) return;

  await report.check(`${name}: loads without flags or warnings`, async () => {
    assert.deepEqual(await run(process.execPath, ['load.js'], folder), { code: 0, stdout: '2\n', stderr: '' });
  });
  // It writes the JavaScript all the same.
  await report.check(`${name}: the declarations go with Nest's`, () =>
    runWell(process.execPath, [TSC, '-p', 'scenario'], folder),
  );
  await runScenarios(report, name, folder, SCENARIOS);
  await checkProgram(report, name, folder);

  // Before the next install brings them back.
  for (const file of APART) await rm(join(folder, 'node_modules/nestjs-tasks', file), { recursive: true, force: true });
  await runScenarios(report, `${name}, without the files of what it does not import`, folder, WITHOUT_APART);

  const oldest = await report.check(`${name}: npm install, oldest peers`, () => installOldest(name, tarball, folder));
  if (oldest) await runScenarios(report, `${name}, oldest peers`, folder, QUICK);
}

/** Installs anew with the oldest peers. The declarations were checked before: those of rxjs 7.1 are not for nodenext. */
async function installOldest(name, tarball, folder) {
  const { nest, ...others } = OLDEST[name];
  const path = join(folder, 'package.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  const peers = Object.keys(manifest.dependencies).filter((peer) => peer.startsWith('@nestjs/'));
  Object.assign(manifest.dependencies, Object.fromEntries(peers.map((peer) => [peer, nest])), others);
  await writeFile(path, JSON.stringify(manifest));
  await Promise.all(['node_modules', 'package-lock.json'].map((at) => rm(join(folder, at), { recursive: true })));
  await runWell('npm', ['install', '--no-audit', '--no-fund', tarball], folder);
}

async function runScenarios(report, name, folder, scenarios) {
  for (const scenario of scenarios) {
    const { code, stdout, stderr } = await run(process.execPath, [join('dist', `${scenario}.js`)], folder);
    report.adopt(name, stdout);
    await report.check(`${name}: ${scenario} ends on its own, with nothing on stderr`, () => {
      assert.deepEqual({ code, stderr }, { code: stdout.includes('not ok ') ? 1 : 0, stderr: '' });
    });
  }
}
