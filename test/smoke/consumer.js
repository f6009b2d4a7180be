import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { run, runWell } from './command.js';

const SCENARIOS = ['http', 'transports', 'queue', 'shutdown', 'signals'];

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
  for (const scenario of SCENARIOS) {
    const { code, stdout, stderr } = await run(process.execPath, [join('dist', `${scenario}.js`)], folder);
    report.adopt(name, stdout);
    await report.check(`${name}: ${scenario} ends on its own, with nothing on stderr`, () => {
      assert.deepEqual({ code, stderr }, { code: stdout.includes('not ok ') ? 1 : 0, stderr: '' });
    });
  }
}
