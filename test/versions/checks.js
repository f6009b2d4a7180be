// What two versions on one queue must make of each other's executions. One adds, the other has the only worker.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const RICH = { at: new Date(5), all: new Map([['n', 7n]]), text: 'NUL \0, surrogate \ud800, 日本 😀', none: undefined };
const ENDED = ['completed', 'failed', 'cancelled', 'dropped'];

async function until(look, what) {
  for (const end = Date.now() + 15_000; Date.now() < end; await sleep(40)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`waited in vain for ${what}`);
}

const ended = (process, key) =>
  until(async () => {
    const seen = await process.call('see', key);
    return ENDED.includes(seen?.state) && seen;
  }, `the end of ${key}`);

const stateIs = (process, key, state) =>
  until(async () => (await process.call('see', key))?.state === state, `${key} to be ${state}`);

const byName = (rows) => rows.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

/** Of two tellings, what both versions know. */
function assertAlike(one, other) {
  for (const [field, value] of Object.entries(one)) {
    if (value !== undefined && other[field] !== undefined) assert.deepEqual(value, other[field], field);
  }
}

/** Adds an execution, and waits for its end. */
async function finish({ adder }, task, key, ...args) {
  await adder.call('add', task, { key }, ...args);
  return ended(adder, key);
}

/** `needs`: methods of the queue that both versions must have; `adderNeeds`: those of whoever adds. */
export const CHECKS = [
  {
    name: 'arguments and results',
    async run({ adder, worker }) {
      await adder.call('add', 'versions.echo', { key: 'echo', priority: 3 }, RICH);
      assert.deepEqual(await adder.call('result', 'echo'), RICH);
      assert.deepEqual(await worker.call('result', 'echo'), RICH);
      assert.equal(
        (await worker.call('add', 'versions.echo', { key: 'later', when: '1h' }, 1)).disposition,
        'scheduled',
      );
      assert.equal((await adder.call('add', 'versions.echo', { key: 'later' }, 2)).disposition, 'already-scheduled');
      assert.equal(await adder.call('cancel', 'later'), 'cancelled');
      await adder.call('add', 'versions.echo', { key: 'soon', when: 300 }, 'soon');
      assert.equal(await adder.call('result', 'soon'), 'soon');
    },
  },
  {
    name: 'attempts and errors',
    async run({ adder, worker }) {
      await adder.call('add', 'versions.flaky', { key: 'flaky' });
      assert.equal(await adder.call('result', 'flaky'), 3);
      await finish({ adder }, 'versions.failing', 'failing', 17);
      for (const process of [adder, worker]) {
        const { state, error, args } = await process.call('see', 'failing');
        assert.deepEqual([state, error, args], ['failed', { name: 'Error', message: 'no answer for order 17' }, [17]]);
      }
    },
  },
  {
    name: 'chains, limits and progress',
    async run({ adder, worker }) {
      await adder.call('add', 'versions.tick', { key: 'tick' });
      assert.equal(await adder.call('result', 'tick'), 3);
      const keys = ['a', 'b', 'c'].map((name) => `limited ${name}`);
      for (const key of keys) await adder.call('add', 'versions.limited', { key }, 'pool');
      for (const key of keys) await adder.call('result', key);
      const runs = (await worker.call('runs')).filter(({ key }) => keys.includes(key));
      for (const [at, run] of runs.entries()) assert.ok(at === 0 || run.start >= runs[at - 1].end, 'two ran at once');
      assert.deepEqual(await adder.call('limits'), []);
      assert.deepEqual((await finish({ adder }, 'versions.steps', 'steps')).progress, { current: 2, total: 2 });
    },
  },
  {
    name: 'fan-ins',
    async run({ adder, worker }) {
      const keys = ['part', 'down'];
      await adder.call('add', 'versions.echo', { key: 'part' }, 'one');
      await adder.call('add', 'versions.failing', { key: 'down' }, 2);
      await adder.call('after', keys, 'versions.sum', { key: 'sum' });
      assert.equal((await ended(adder, 'sum')).error.message, 'the sum is not wanted yet');
      await adder.call('add', 'versions.echo', { key: 'late', when: '1h' }, 'late');
      await worker.call('after', ['part', 'late'], 'versions.sum', { key: 'waits' });
      await stateIs(adder, 'waits', 'parked');
      await adder.call('cancel', 'late');
      await ended(worker, 'waits');
    },
  },
  {
    name: 'cancellation and replacement',
    async run({ adder, worker }) {
      for (const key of ['cancelled', 'replaced']) {
        await adder.call('add', 'versions.held', { key });
        await stateIs(adder, key, 'running');
      }
      assert.equal(await adder.call('cancel', 'cancelled', 'enough'), 'signalled');
      assert.equal((await ended(worker, 'cancelled')).reason, 'enough');
      await adder.call('replace', 'versions.echo', { key: 'replaced' }, 'new');
      await stateIs(worker, 'replaced', 'parked').catch(() => {});
      await adder.call('cancel', 'replaced', 'both');
      await until(async () => (await worker.call('limits')).length === 0, 'nothing to be held');
      await adder.call('replace', 'versions.echo', { key: 'put in' }, 'put in');
      assert.equal(await worker.call('result', 'put in'), 'put in');
    },
  },
  {
    name: 'strikes',
    async run({ adder, worker }) {
      // Not refused at once by whoever adds it, but dropped by the worker.
      await adder.call('add', 'versions.failing', { key: 'struck', when: 500 }, 13);
      await adder.call('strike', 'versions.failing', 'order', '==', 13);
      const told = (each) => until(async () => (await each.call('strikes'))[0], `${each.label} to know of the strike`);
      assertAlike(await told(adder), await told(worker));
      assert.equal((await ended(worker, 'struck')).state, 'dropped');
      assert.equal(await worker.call('restore', 'versions.failing', 'order', '==', 13), true);
      await until(async () => (await adder.call('strikes')).length === 0, 'the strike to be gone');
      assert.equal((await finish({ adder }, 'versions.failing', 'unstruck', 13)).state, 'failed');
    },
  },
  {
    name: 'the pause',
    needs: ['pause', 'isPaused'],
    async run({ adder, worker }) {
      await adder.call('pause', { reason: 'a test' });
      assert.equal(await worker.call('isPaused'), true);
      await sleep(1_100);
      await adder.call('add', 'versions.echo', { key: 'paused' }, 1);
      await sleep(300);
      assert.equal((await worker.call('see', 'paused')).startedAt, undefined);
      assert.equal(await worker.call('resume'), true);
      assert.equal(await adder.call('result', 'paused'), 1);
    },
  },
  {
    name: 'history, failures and trails, told alike',
    needs: ['history', 'failures'],
    async run({ adder, worker }) {
      for (const state of ENDED) {
        const [some, others] = await Promise.all([adder, worker].map((each) => each.call('history', { state })));
        assert.ok(some.length > 0, `nothing is ${state}`);
        assert.equal(some.length, others.length);
        for (const [at, one] of some.entries()) assertAlike(one, others[at]);
      }
      const groups = await Promise.all([adder, worker].map((each) => each.call('failures')));
      assert.deepEqual(byName(groups[0]), byName(groups[1]));
    },
  },
  {
    name: 'history of what the other has ended',
    adderNeeds: ['history', 'failures'],
    async run({ adder, worker }) {
      const executions = await adder.call('history', { state: 'failed', task: 'versions.failing' });
      assert.ok(executions.some(({ key, error }) => key === 'failing' && error.message === 'no answer for order 17'));
      for (const one of executions) {
        assertAlike(one, await adder.call('find', one.key));
        assertAlike(one, await worker.call('find', one.key));
      }
      // An earlier version has not told its failures apart.
      const isGrouped = worker.offers('failures');
      const group = (await adder.call('failures')).find(({ task }) => task === 'versions.failing');
      assert.equal(group?.error.message, isGrouped ? 'no answer for order …' : undefined);
      assert.equal(group?.count, isGrouped ? executions.length : undefined);
    },
  },
  {
    name: 'stats, told alike',
    needs: ['stats'],
    async run({ adder, worker }) {
      await adder.call('add', 'versions.echo', { key: 'counted', when: '1h' }, 1);
      const [one, other] = await Promise.all([adder, worker].map((each) => each.call('stats')));
      assert.equal(one.total.scheduled, 1);
      assert.deepEqual(one, other);
      assert.equal(await worker.call('cancel', 'counted'), 'cancelled');
    },
  },
  {
    name: 'retries by hand',
    adderNeeds: ['retry', 'retryAll', 'forget'],
    async run({ adder, worker }) {
      await worker.call('mend');
      assert.equal(await adder.call('retry', 'failing'), 'retried');
      assert.equal(await adder.call('result', 'failing'), 17);
      assert.equal(await worker.call('result', 'failing'), 17);
      const { trail } = await adder.call('see', 'failing');
      assert.ok(
        trail.some(({ reason }) => reason.includes('no answer for order 17')),
        'the trail has lost the error',
      );
      assert.equal(await adder.call('retry', 'down'), 'retried');
      assert.equal(await adder.call('retry', 'sum'), 'retried');
      assert.deepEqual(await adder.call('result', 'sum'), ['one', 2]);
      assert.equal(await adder.call('forget', 'part'), true);
      assert.equal(await adder.call('retry', 'sum'), 'retried');
      const [first, second] = await adder.call('result', 'sum');
      assert.ok(['one', 'ExecutionNotFoundError'].includes(first) && second === 2);
    },
  },
  {
    name: 'bulk work, whoever runs it',
    needs: ['retryAll'],
    async run({ adder, worker }) {
      const { matched, done } = await adder.call('retryAll', { state: 'failed', task: 'versions.failing' });
      assert.ok(matched > 0);
      assert.equal(done, matched);
      await until(
        async () => (await worker.call('history', { state: 'failed', task: 'versions.failing' })).length === 0,
        'none to fail',
      );
    },
  },
  {
    name: 'an execution whose worker dies',
    async run({ adder, worker, replaceWorker }) {
      await adder.call('add', 'versions.mortal', { key: 'mortal' });
      await replaceWorker(() => stateIs(adder, 'mortal', 'running'), worker);
      assert.equal(await adder.call('result', 'mortal'), 'survived');
    },
  },
  {
    name: 'the timeline, told alike',
    needs: ['timeline'],
    async run({ restart }) {
      const readers = await restart();
      const ask = { since: '1h', step: '1h' };
      const [one, two] = await Promise.all(readers.map((each) => each.call('timeline', ask)));
      assert.ok(one.some(({ completed }) => completed > 0));
      assert.deepEqual(byName(one), byName(two));
    },
  },
];
