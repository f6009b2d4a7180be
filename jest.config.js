/** @type {import('jest').Config} */
const base = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-tasks$': '<rootDir>/lib/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.ts$': '@swc/jest' },
};

export default {
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/test/**/*.spec.ts'] },
    {
      ...base,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/**/*.e2e-spec.ts', '<rootDir>/sample/**/*.e2e-spec.ts'],
    },
  ],
  // Two files hold types alone: there is nothing in them to run.
  collectCoverageFrom: ['lib/**/*.ts', '!lib/task/task-outcome.ts', '!lib/task/task-parts.ts'],
  coverageProvider: 'v8',
  coverageThreshold: { global: { lines: 98, branches: 98 } },
};
