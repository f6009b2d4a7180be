import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { Programs } from './fleet.js';
import type { IdleReport } from './idle-process.js';

jest.setTimeout(60_000);

const DRIVERS = ['bullmq', 'ioredis', 'pg'];
/** What is asked for, and not loaded, is seen, too. */
const WATCH_IMPORTS = `
import { appendFileSync } from 'node:fs';
export function resolve(specifier, context, next) {
  appendFileSync(process.env.IMPORTS, specifier + '\\n');
  return next(specifier, context);
}`;

let programs: Programs;
const REMEDY = 'A bundled application marks it as external, and ships its node_modules.';

let withoutDrivers: Programs;

beforeAll(async () => {
  [programs, withoutDrivers] = await Promise.all([Programs.build(), Programs.build({ without: DRIVERS })]);
});

afterAll(() => {
  programs[Symbol.dispose]();
  withoutDrivers[Symbol.dispose]();
});

/** Lets an application idle. Without a url, one that does not have TasksModule. */
async function idle(where: Programs, url?: string): Promise<IdleReport & { imported: string[] }> {
  const imports = join(where.folder, 'imports');
  const register = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(WATCH_IMPORTS))});`;
  const output = await where.run('idle-process', url === undefined ? [] : [url, join(where.folder, 'journal')], {
    execArgv: ['--import', dataUrl(register)],
    env: { ...process.env, IMPORTS: imports },
  });
  const imported = readFileSync(imports, 'utf8').split('\n');
  return { ...(JSON.parse(output) as IdleReport), imported };
}

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

describe('where the drivers are not installed', () => {
  it.each([
    ['redis://localhost', 'bullmq', 'npm install bullmq ioredis'],
    ['rediss://localhost', 'bullmq', 'npm install bullmq ioredis'],
    ['postgres://localhost', 'bullmq', 'npm install bullmq pg'],
  ])('%s stops the boot, and says what to install', async (url, driver, command) => {
    const { error } = await idle(withoutDrivers, url);
    expect(error).toMatchObject({ name: 'TasksUsageError', code: 'DRIVER_MISSING' });
    expect(error?.message).toBe(
      `The queue needs the package ${driver}, which is not installed. Install it: ${command}. ${REMEDY}`,
    );
  });

  it.each([
    ['redis://localhost', 'ioredis'],
    ['postgres://localhost', 'pg'],
  ])('%s names the client, where only that is missing', async (url, client) => {
    using withoutClient = await Programs.build({ without: [client] });
    const { error } = await idle(withoutClient, url);
    expect(error?.message).toBe(
      `The queue needs the package ${client}, which is not installed. Install it: npm install bullmq ${client}. ${REMEDY}`,
    );
  });

  it('memory:// works', async () => {
    expect(await idle(withoutDrivers, 'memory://')).toMatchObject({ result: expect.any(Number) });
  });
});

describe('an application on memory://', () => {
  it('loads no driver, and costs nothing while idle', async () => {
    const [tasks, none] = await Promise.all([idle(programs, 'memory://'), idle(programs)]);
    expect(tasks.imported).toContain('nestjs-tasks');
    expect(tasks.imported.filter((specifier) => DRIVERS.includes(specifier.split('/')[0] ?? ''))).toEqual([]);
    const isDriver = (file: string): boolean => DRIVERS.some((name) => file.includes(join('node_modules', name, '/')));
    expect(tasks.required.length).toBeGreaterThan(0);
    expect(tasks.required.filter(isDriver)).toEqual([]);
    expect(tasks.callbacks).toBe(none.callbacks);
  });

  it('loads what its url names, as this test would see', async () => {
    const { required } = await idle(programs, process.env['TASKS_TEST_REDIS_URL']);
    expect(required.some((file) => file.includes(join('node_modules', 'bullmq', '/')))).toBe(true);
    expect(required.some((file) => file.includes(join('node_modules', 'pg', '/')))).toBe(false);
  });
});
