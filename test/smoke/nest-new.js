import assert from 'node:assert/strict';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, runWell } from './command.js';
import { checkProgramWithRedis } from './program.js';

const TEMPLATES = join(import.meta.dirname, 'nest-new');

/** What no check uses of the packages that `nest new` names: their install would take longer than the rest. */
const UNUSED = /eslint|prettier|globals|oxlint|coverage|mau|ts-node/;

const BUNDLES = ['esbuild', 'webpack'].flatMap((tool) => [`bundle-${tool}/main.cjs`, `bundle-${tool}/main.mjs`]);
const HTTP = 'http: ordered, 0 sent; Ada, 42';
const BUNDLE_REMEDY = 'A bundled application marks it as external, and ships its node_modules.';

/**
 * Applications as `nest new` of a major writes them; nest-new/README.md says of which version. Steps run one after the
 * other, each a command of `npx`. `prints` is what the built application prints, alike in all builds and bundles.
 */
export const APPLICATIONS = {
  nest11: {
    // Peers that are optional and too old stop no install.
    install: ['npm', 'install', '--no-audit', '--no-fund', 'bullmq@5.81.2', 'ioredis@5.11.1', 'esbuild@0.28.2'],
    isModule: false,
    hasDrivers: false,
    checks: [
      { name: 'nest build', steps: ['nest build'], files: ['dist/main.js'] },
      { name: 'esbuild and webpack bundles', steps: ['node bundle.cjs dist/main.js'], files: BUNDLES },
      { name: 'jest, as generated', steps: ['jest', 'jest --config ./test/jest-e2e.json'], files: [] },
      {
        name: 'module: commonjs, node10 resolution',
        steps: ['tsc -p tsconfig.node10.json'],
        files: ['node10/main.js'],
      },
      { name: 'nest build --webpack', steps: ['nest build --builder webpack'], files: ['dist/main.js'] },
    ],
    prints: [
      HTTP,
      `thread: PACKAGE_MISSING: A task with a thread needs the package piscina, which is not installed. Install it: npm install piscina. ${BUNDLE_REMEDY}`,
      `redis: DRIVER_MISSING: The queue needs the package bullmq in version 6.3.3 or later, and has 5.81.2. Install it: npm install bullmq@latest ioredis. ${BUNDLE_REMEDY}`,
    ],
  },
  nest12: {
    install: ['npx', '--yes', 'pnpm@10.34.9', 'add', 'bullmq@6.7.0', 'ioredis@5.11.1', 'piscina@5.3.2'].concat([
      'esbuild@0.28.2',
      'webpack@5.113.0',
      '@swc/cli@0.8.1',
      '@swc/core@1.16.18',
    ]),
    isModule: true,
    hasDrivers: true,
    checks: [
      { name: 'nest build', steps: ['nest build'], files: ['dist/main.js'] },
      { name: 'esbuild and webpack bundles', steps: ['node bundle.cjs dist/main.js'], files: BUNDLES },
      { name: 'vitest', steps: ['vitest run', 'vitest run --config ./vitest.config.e2e.ts'], files: [] },
      { name: 'nest build with SWC', steps: ['nest build -b swc'], files: ['dist/main.js'] },
      {
        name: 'both formats in one process are named',
        steps: ['node halves.mjs import', 'node halves.mjs require'],
        files: [],
      },
    ],
    prints: [HTTP, 'thread: 42', 'redis: started'],
  },
};

/** Installs the tarball into a copy of the application, and runs its checks. */
export async function checkNestNew(report, name, tarball, folder) {
  const { install, isModule, hasDrivers, checks, prints } = APPLICATIONS[name];
  await prepare(join(TEMPLATES, name), folder, isModule);
  const [installer, ...args] = install;
  if (!(await report.check(`${name}: install`, () => runWell(installer, [...args, tarball], folder)))) return;

  if (hasDrivers) await checkProgramWithRedis(report, name, folder);
  for (const { name: check, steps, files } of checks) {
    await report.check(`${name}: ${check}`, async () => {
      for (const step of steps) {
        const [program, ...rest] = step.split(' ');
        if (program === 'node') await runWell(process.execPath, rest, folder);
        else await runWell('npx', ['--no-install', program, ...rest], folder);
      }
      for (const file of files) {
        const { stdout, stderr, code } = await run(process.execPath, [file], folder);
        assert.deepEqual(
          { file, code, stderr, lines: stdout.trim().split('\n') },
          { file, code: 0, stderr: '', lines: prints },
        );
      }
    });
  }
}

/** The generated application, with a controller, a module, a main and specs that use the library in place of its own. */
async function prepare(template, folder, isModule) {
  await cp(template, folder, { recursive: true });
  await cp(join(TEMPLATES, 'overlay'), folder, { recursive: true });
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  for (const name of Object.keys(manifest.devDependencies)) {
    if (UNUSED.test(name)) delete manifest.devDependencies[name];
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  if (isModule) return;
  // `nest new` of Nest 11 imports without extensions, and its Jest finds no others.
  for (const part of ['src', 'test']) {
    for (const file of (await readdir(join(folder, part))).filter((entry) => entry.endsWith('.ts'))) {
      const path = join(folder, part, file);
      const text = await readFile(path, 'utf8');
      await writeFile(path, text.replace(/(from '\.[^']*)\.js'/g, "$1'"));
    }
  }
}
