// Packs the library, installs it into an ESM application on Nest 12 and a CommonJS application on Nest 11, and runs the
// same scenarios in both. Then into applications as `nest new` writes them, with their builders, test runners and bundles.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkConsumer } from './consumer.js';
import { APPLICATIONS, checkNestNew } from './nest-new.js';
import { checkPackage, pack } from './package.js';
import { Report } from './report.js';
import { checkYarn } from './yarn.js';

const CONSUMERS = ['esm-nest12', 'cjs-nest11'];

const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-smoke-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

const report = new Report();
let packed;
const isPacked = await report.check('npm pack', async () => {
  packed = await pack(folder);
});
if (isPacked) {
  await checkPackage(report, packed);
  await Promise.all([
    ...CONSUMERS.map((name) => checkConsumer(report, name, packed.tarball, join(folder, name))),
    ...Object.keys(APPLICATIONS).map((name) => checkNestNew(report, name, packed.tarball, join(folder, name))),
    checkYarn(report, packed.tarball, join(folder, 'yarn')),
  ]);
}
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exitCode = report.failed === 0 ? 0 : 1;
