/** @type {import('jest').Config} */
const base = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-tasks$': '<rootDir>/lib/index.ts',
    '^nestjs-tasks/dashboard$': '<rootDir>/lib/dashboard/index.ts',
    '^nestjs-tasks/outbox$': '<rootDir>/lib/outbox/index.ts',
    '^nestjs-tasks/testing$': '<rootDir>/lib/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.ts$': '@swc/jest' },
};

// Their tests need Redis and PostgreSQL. Jest runs a globalSetup only for projects with tests to run, so that
// `jest test/task` looks for no server.
const WITH_SERVERS = ['<rootDir>/test/queue/', '<rootDir>/test/cli/', '<rootDir>/sample/06-durable-orders/'];

// Belong to applications that the smoke test installs.
const SMOKE = '<rootDir>/test/smoke/';

export default {
  // On two cores Jest alone would take one. More than two starve the servers and browsers of the tests on a slow machine.
  maxWorkers: 2,
  // Clients that are cut off from their servers while they close may linger for seconds after the last test.
  forceExit: true,
  // A busy machine takes several times as long as an idle one.
  testTimeout: 30_000,
  projects: [
    {
      ...base,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', SMOKE],
    },
    {
      ...base,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/**/*.e2e-spec.ts', '<rootDir>/sample/**/*.e2e-spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', SMOKE, ...WITH_SERVERS],
    },
    {
      ...base,
      displayName: 'queue',
      testMatch: WITH_SERVERS.map((folder) => `${folder}**/*.e2e-spec.ts`),
      globalSetup: '<rootDir>/test/support/servers/setup.js',
      globalTeardown: '<rootDir>/test/support/servers/teardown.js',
    },
  ],
  // What holds types alone has nothing to run.
  collectCoverageFrom: [
    'lib/**/*.ts',
    // Runs in a browser: test/dashboard/page.
    '!lib/dashboard/page/**',
    // Tested with the libraries themselves: npm run test:outbox.
    '!lib/outbox/**',
    // Tested as a process, from dist: test/cli.
    '!lib/cli/**',
    '!lib/operations/api.ts',
    '!lib/dashboard/routes/dashboard-request.ts',
    '!lib/tasks-module-options.ts',
    '!lib/queue/broker/bullmq/side-store.ts',
    '!lib/queue/broker/bullmq/signal-channel.ts',
    '!lib/queue/broker/duties.ts',
    '!lib/queue/client/task-context-carrier.ts',
    '!lib/task/task-outcome.ts',
    '!lib/task/task-parts.ts',
    '!lib/task/task-perpetual.ts',
    '!lib/task/task-progress.ts',
    '!lib/task/task-retry.ts',
  ],
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'lcov', 'json-summary'],
  coverageThreshold: { global: { lines: 98, branches: 95 } },
};
