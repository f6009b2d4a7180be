import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runSample } from '../../test/support/run-sample.js';

const MAIN = join(import.meta.dirname, '../dist/08-transports/main.js');

describe('08-transports', () => {
  let stdout: string;
  let stderr: string;
  let code: number;

  beforeAll(async () => {
    ({ stdout, stderr, code } = await runSample(MAIN));
  }, 60_000);

  /** What has happened in a scene: each line without its time, and of its moment alone. */
  function moments(title: string): string[] {
    const found = stdout.split('\n\n').find((part) => part.trimStart().startsWith(`${title}\n`)) ?? '';
    // Nest's own lines are no moments: on a busy machine it may warn of a task that held the event loop.
    return [...found.matchAll(/^ +\d+ ms {2}(\S+(?: \S+)*)/gm)].map(([, moment = '']) => moment);
  }

  it('ends by itself', () => {
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/has ended: 13 tasks succeeded, 4 were discarded\n$/);
  });

  it('starts the tasks of an order at the same moments, whichever way it comes', () => {
    const own = (title: string): string[] =>
      moments(title).filter((moment) => ['handler', 'after-route', 'reply', 'after-response'].includes(moment));
    const order = ['handler', 'after-route', 'reply', 'after-response'];
    expect(own('TCP')).toEqual(order);
    expect(own('WebSocket, and shutdown while the receipt is on its way')).toEqual(order);
    // The watcher's after-route task starts with the first order.
    expect(own('REST')).toEqual(['handler', 'after-route', 'after-route', 'reply', 'after-response']);
    expect(own('GraphQL: two mutations')).toEqual(
      order.flatMap((moment) => (moment === 'reply' ? moment : [moment, moment])),
    );
  });

  it.each(['REST: more than there are', 'TCP: more than there are'])(
    'starts none when the order fails: %s',
    (title) => {
      expect(moments(title)).toEqual(['handler', 'reply', 'client']);
    },
  );

  it('ends the route of a watcher when the watcher leaves', () => {
    expect(moments('Server-sent events: the watcher leaves')).toEqual(['after-response', 'client']);
    expect(stdout).toContain('has seen 4 orders');
  });

  it('waits for a shielded task before it ends', () => {
    const last = moments('WebSocket, and shutdown while the receipt is on its way');
    expect(last.slice(-3)).toEqual(['shutdown', 'task ends', 'shutdown']);
  });
});
