import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, runWell } from './command.js';

const YARN = ['--yes', '--package=@yarnpkg/cli-dist@4.18.1', 'yarn'];

/** Installs the tarball with Yarn's Plug'n'Play, which gives a package what it declares and nothing else. */
export async function checkYarn(report, tarball, folder) {
  await mkdir(folder);
  const { dependencies } = JSON.parse(await readFile(join(import.meta.dirname, 'cjs-nest11/package.json'), 'utf8'));
  const names = ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'];
  const manifest = {
    name: 'smoke-yarn',
    private: true,
    dependencies: {
      ...Object.fromEntries(names.map((name) => [name, dependencies[name]])),
      'nestjs-tasks': `file:${tarball}`,
    },
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(folder, 'yarn.lock'), '');
  await cp(join(import.meta.dirname, 'cjs-nest11/load.js'), join(folder, 'load.cjs'));
  await cp(join(import.meta.dirname, 'esm-nest12/load.js'), join(folder, 'load.mjs'));

  const registry = (await runWell('npm', ['config', 'get', 'registry'], folder)).trim();
  const settings = {
    YARN_NPM_REGISTRY_SERVER: registry,
    YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname,
    YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    YARN_ENABLE_TELEMETRY: 'false',
  };
  if (!(await report.check('yarn: install', () => runWell('npx', [...YARN, 'install'], folder, settings)))) return;
  for (const file of ['load.cjs', 'load.mjs']) {
    await report.check(`yarn: ${file}`, async () => {
      const { code, stdout } = await run('npx', [...YARN, 'node', file], folder, settings);
      assert.deepEqual({ code, stdout }, { code: 0, stdout: '2\n' });
    });
  }
}
