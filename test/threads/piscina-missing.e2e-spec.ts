import { describe, expect, it, jest } from '@jest/globals';
import { startContext } from '../support/context.js';
import { fixture } from './gate.js';

jest.mock('piscina', () => {
  throw Object.assign(new Error("Cannot find module 'piscina'"), { code: 'MODULE_NOT_FOUND' });
});

describe('without Piscina', () => {
  it('an application starts and ends, and a task with a thread is refused with the command that installs it', async () => {
    await using app = await startContext({ threads: { max: 2 } });
    const configured = app.scheduler.task({ thread: fixture('arithmetic.js', 'add') });
    const schedule = () => configured.schedule(1, 2);
    expect(schedule).toThrow(expect.objectContaining({ code: 'PACKAGE_MISSING' }));
    expect(schedule).toThrow(
      'A task with a thread needs the package piscina, which is not installed. Install it: npm install piscina',
    );
    expect(app.scheduler.running).toEqual([]);
  });
});
