// npm run test:fast: what needs no server, in under a minute. The unit tests but for the slowest, and the port's conformance
// suite on the broker in memory. Options of Jest are passed on; `npm run test:watch` adds one.
import { spawn } from 'node:child_process';

const JEST = ['--no-warnings=ExperimentalWarning', '--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
const FILES = ['\\.spec\\.ts$', 'test/queue/broker/conformance/'];
/** Random schedules and values, which take a quarter of the time. */
const SLOW = ['/node_modules/', 'cron-times', 'declaration/values/'];

const jest = spawn(
  process.execPath,
  [
    ...JEST,
    '--selectProjects',
    'unit',
    'queue',
    '--testPathIgnorePatterns',
    ...SLOW,
    ...process.argv.slice(2),
    '--',
    ...FILES,
  ],
  {
    stdio: 'inherit',
    env: { ...process.env, TASKS_TEST_BROKERS: 'memory' },
  },
);
jest.on('exit', (code) => (process.exitCode = code ?? 1));
