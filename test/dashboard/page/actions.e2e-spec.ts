import { describe, expect, it, jest } from '@jest/globals';
import type { ExecutionDetail, StateName } from '../../../lib/operations/api.js';
import { expectSoundPage } from '../../support/page-checks.js';
import { until } from '../../support/until.js';
import { CANNED_EXECUTION, CANNED_OVERVIEW, CANNED_SUMMARY, cannedExecution } from './canned-views.js';
import { eachVisit, type Visit } from './visit.js';

jest.setTimeout(120_000);
const PATIENCE = 30_000;

let visit: Visit;
eachVisit((begun) => (visit = begun));

const says = (text: string | RegExp): Promise<void> => visit.page.getByRole('status').getByText(text).first().waitFor();
const press = (name: string): Promise<void> => visit.page.getByRole('button', { name, exact: true }).click();
/** Waits for the next action, and returns its name and body. */
async function posted(): Promise<readonly [action: string, body: unknown]> {
  await until(() => visit.fake.posts.length > 0, 'an action', PATIENCE);
  const { action, body, ...rest } = visit.fake.posts.shift()!;
  expect(rest).toEqual({ contentType: 'application/json', header: '1' });
  return [action, body];
}
/** Presses Tab until the control has the focus. */
async function tabTo(name: string | RegExp): Promise<void> {
  for (let count = 0; count < 80; count += 1) {
    const focused = await visit.focused();
    if (typeof name === 'string' ? focused === name : name.test(focused)) return;
    await visit.page.keyboard.press('Tab');
  }
  throw new Error(`Tab never comes to ${name}`);
}

const BULK = { key: 'tasks.retryAll:1', id: 'bulk-1' };
const work = (changes: Partial<ExecutionDetail>): ExecutionDetail => ({
  ...CANNED_EXECUTION,
  ...BULK,
  task: 'tasks.retryAll',
  state: 'running',
  ...changes,
});

describe('actions on all that match', () => {
  it('retries them from the keyboard alone, at a rate, and shows the progress', async () => {
    const { page, fake } = visit;
    fake.results['retry-all'] = { result: 'added', execution: BULK };
    fake.views.execution = work({ progress: { current: 100, total: 412 } });
    await page.goto(fake.url('overview'));
    await visit.live();

    await page.keyboard.press('Tab');
    expect(await visit.focused()).toBe('Skip to the content');
    await tabTo('Executions');
    await page.keyboard.press('Enter');
    await page.getByText('order-0').waitFor();
    expect(await visit.focused()).toBe('Executions');
    expect(await page.evaluate('document.activeElement.localName')).toBe('h1');
    await tabTo('failed');
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    await page.keyboard.press('Space');
    await tabTo('Task');
    await page.keyboard.type('orders.process');
    await page.keyboard.press('Enter');
    expect(visit.path()).toBe('executions?state=failed&task=orders.process');
    await tabTo('Retry all that match…');
    await page.keyboard.press('Enter');

    const dialog = page.getByRole('dialog', { name: 'Retry all that match?' });
    await dialog.getByText('412 executions match.').waitFor();
    expect(fake.reads.at(-1)).toBe('count?state=failed&task=orders.process');
    await expectSoundPage(page, 1_440);
    await tabTo(/^At most per second/);
    await page.keyboard.type('50');
    await tabTo('Retry 412 executions');
    await page.keyboard.press('Enter');
    expect(await posted()).toEqual(['retry-all', { state: ['failed'], task: 'orders.process', perSecond: 50 }]);
    await dialog.getByText('100 of 412').waitFor();
    expect(fake.reads).toContain('execution?key=tasks.retryAll%3A1&id=bulk-1');
    fake.views.execution = work({ state: 'completed', progress: { current: 412, total: 412 } });
    await dialog.getByText('412 of 412').waitFor();
    await expectSoundPage(page, 1_440);
    expect(await visit.focused()).toBe('Watch its progress');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Execution', exact: true }).waitFor();
    expect(visit.path()).toBe('execution?id=bulk-1&key=tasks.retryAll:1');
    await page.getByText('412 of 412').waitFor();
    expect(await page.getByText('The retry has begun.').count()).toBe(0);
  });

  it('gives the focus back when the dialog is closed', async () => {
    await visit.open('executions?state=failed');
    await visit.page.getByRole('button', { name: 'Forget all that match…' }).press('Enter');
    await visit.page.getByRole('dialog').waitFor();
    await visit.page.keyboard.press('Escape');
    await visit.page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await visit.focused()).toBe('Forget all that match…');
    await visit.page.keyboard.press('Enter');
    await visit.page.getByRole('button', { name: 'Close' }).press('Enter');
    await visit.page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await visit.focused()).toBe('Forget all that match…');
    expect(visit.fake.posts).toEqual([]);
  });

  it('forgets them', async () => {
    visit.fake.results['forget-all'] = { result: 'added', execution: BULK };
    await visit.open('executions?state=completed,dropped&keyPrefix=order-&error=time&since=1h');
    await press('Forget all that match…');
    await press('Forget 412 executions');
    expect(await posted()).toEqual([
      'forget-all',
      { state: ['completed', 'dropped'], keyPrefix: 'order-', error: 'time', since: '1h' },
    ]);
    await visit.page.getByRole('dialog').getByText('It is done.').waitFor();
  });

  it.each(['executions', 'executions?task=a', 'executions?state=failed,running', 'executions?state=failed&worker=w'])(
    'need ended states, and no worker: %s',
    async (path) => {
      await visit.open(path);
      expect(
        await visit.page
          .getByRole('button', { name: /all that match…$/ })
          .and(visit.page.locator(':enabled'))
          .count(),
      ).toBe(0);
      await visit.page.getByText(/^To act on all that match, filter by ended states alone/).waitFor();
    },
  );

  it('say in the dialog why they were refused', async () => {
    await visit.open('executions?state=failed');
    await press('Retry all that match…');
    await visit.page.getByText('412 executions match.').waitFor();
    visit.fake.refusal = { status: 403, body: '{"message":["Not on Fridays"]}' };
    await press('Retry 412 executions');
    await visit.page.getByRole('dialog').getByText('Not done: Not on Fridays').waitFor();
    expect(await visit.page.getByRole('dialog').count()).toBe(1);
  });
});

describe('actions on the queue', () => {
  it('clear it after a question', async () => {
    visit.fake.results['clear'] = { result: 'cleared', count: 1_204 };
    await visit.open('executions');
    await press('Clear the queue…');
    await expectSoundPage(visit.page, 1_440);
    await press('Clear the queue');
    expect(await posted()).toEqual(['clear', {}]);
    await says('The queue is cleared. It cancelled 1,204 executions.');
    await press('Dismiss');
    await visit.page.getByText('The queue is cleared').waitFor({ state: 'detached' });
  });

  it('pause it with a reason, and resume it', async () => {
    const { fake, page } = visit;
    fake.results['pause'] = { result: 'paused' };
    await visit.open('overview');
    await press('Pause the queue…');
    await page.getByLabel('Reason (optional)').fill('partner is down');
    await press('Pause the queue');
    expect(await posted()).toEqual(['pause', { reason: 'partner is down' }]);
    await says('The queue is paused.');
    fake.show('summary', { ...CANNED_SUMMARY, pause: { since: CANNED_EXECUTION.addedAt, reason: 'partner is down' } });
    fake.show('overview', { ...CANNED_OVERVIEW, stats: { ...CANNED_OVERVIEW.stats, isPaused: true } });
    await page.getByRole('button', { name: 'Pause the queue…' }).waitFor({ state: 'detached' });
    await expectSoundPage(page, 1_440);
    await page.getByRole('button', { name: 'Resume' }).press('Enter');
    expect(await posted()).toEqual(['resume', {}]);
    fake.show('summary', CANNED_SUMMARY);
    await page.getByRole('button', { name: 'Resume' }).waitFor({ state: 'detached' });
    await until(async () => (await visit.focused()) === 'Overview', 'the focus on the heading', PATIENCE);
  });
});

describe('actions on one execution', () => {
  const target = { key: 'order-6', id: 'id-6' };
  const open = async (state: StateName): Promise<readonly string[]> => {
    visit.fake.views.execution = { ...CANNED_EXECUTION, state };
    await visit.open('execution?id=id-6&key=order-6');
    return visit.page.locator('.actions').getByRole('button').allInnerTexts();
  };

  it.each<[StateName, readonly string[]]>([
    ['scheduled', ['Run now', 'Cancel…']],
    ['queued', ['Cancel…']],
    ['parked', ['Cancel…']],
    ['running', ['Cancel…']],
    ['retrying', ['Run now', 'Cancel…']],
    ['completed', ['Retry', 'Forget…']],
    ['failed', ['Retry', 'Forget…']],
    ['cancelled', ['Retry', 'Forget…']],
    ['dropped', ['Retry', 'Forget…']],
  ])('fit its state: %s', async (state, names) => {
    expect(await open(state)).toEqual(names);
  });

  it('retry it, and tell the outcome', async () => {
    visit.fake.results['retry'] = { result: 'already-scheduled' };
    await open('failed');
    await press('Retry');
    expect(await posted()).toEqual(['retry', target]);
    await says('Nothing was changed: an execution with its key has not ended.');
    await expectSoundPage(visit.page, 1_440);
  });

  it('run it now', async () => {
    visit.fake.results['run-now'] = { result: 'started' };
    await open('scheduled');
    await press('Run now');
    expect(await posted()).toEqual(['run-now', target]);
    await says('It starts as soon as a worker is free.');
  });

  it('cancel it with a reason', async () => {
    visit.fake.results['cancel'] = { result: 'signalled' };
    await open('running');
    await press('Cancel…');
    await visit.page.getByLabel('Reason (optional)').fill('wrong order');
    await expectSoundPage(visit.page, 1_440);
    await visit.page.keyboard.press('Enter');
    expect(await posted()).toEqual(['cancel', { ...target, reason: 'wrong order' }]);
    await says('It runs, and was asked to stop.');
  });

  it('forget it after a question', async () => {
    visit.fake.results['forget'] = { result: 'forgotten' };
    await open('failed');
    await press('Forget…');
    await press('Forget it');
    expect(await posted()).toEqual(['forget', target]);
    await says('Forgotten.');
  });

  it.each([
    [403, '{"message":"Read only on weekends"}', 'Not done: Read only on weekends'],
    [500, 'oops', 'Not done: 500 Internal Server Error'],
    [401, '{}', 'Not done: you are signed out. 401 Unauthorized'],
  ])('say what a guard answers: %i %s', async (status, body, text) => {
    await open('failed');
    visit.fake.refusal = { status, body };
    await press('Retry');
    await says(text);
    expect(visit.fake.posts).toEqual([]);
  });

  it('are done once when pressed twice', async () => {
    await open('failed');
    await visit.page.getByRole('button', { name: 'Retry' }).dblclick();
    await says('Answer of retry: done.');
    expect(visit.fake.posts).toHaveLength(1);
  });
});

describe('actions on schedules and strikes', () => {
  it('run a schedule now', async () => {
    visit.fake.results['run-now'] = { result: 'started' };
    await visit.open('schedules');
    await press('Run now: reports.nightly');
    expect(await posted()).toEqual(['run-now', { key: 'reports.nightly' }]);
  });

  it('restore a strike', async () => {
    visit.fake.results['restore'] = { result: 'restored' };
    await visit.open('strikes');
    await press("Restore: orders.process with customerId == '12345'");
    const strike = { task: 'orders.process', parameter: 'customerId', operator: '==', value: '12345' };
    expect(await posted()).toEqual(['restore', strike]);
    await says('The strike is taken back.');
  });

  it('strike a task, from its row', async () => {
    visit.fake.results['strike'] = { result: 'struck' };
    await visit.open('tasks');
    const { page } = visit;
    await page.getByRole('link', { name: 'Strike this task… mail.send' }).click();
    expect(await page.getByLabel('Task', { exact: true }).inputValue()).toBe('mail.send');
    await page.getByLabel('Mode').selectOption('hold');
    await page.getByLabel('Reason (optional)').fill('spam');
    await page.getByLabel('Expires in (optional)').fill('1d');
    await press('Strike');
    expect(await posted()).toEqual(['strike', { task: 'mail.send', mode: 'hold', reason: 'spam', expiresIn: '1d' }]);
    await says('The strike is in force.');
  });

  it.each([
    ['==', 'text', '12345', '12345'],
    ['==', 'text', 'int:5', 'text:int:5'],
    ['>', 'whole number', '10000', 'int:10000'],
    ['<=', 'number', '1.5', 'number:1.5'],
    ['!=', 'true or false', 'true', 'bool:true'],
    ['<', 'date', '2026-01-31', 'date:2026-01-31'],
    ['==', 'JSON', '{"a":1}', 'json:{"a":1}'],
    ['in', undefined, '["a","b"]', 'json:["a","b"]'],
    ['between', undefined, '[1, 10]', 'json:[1, 10]'],
  ])('strike all tasks by a value: %s %s %s', async (operator, type, text, value) => {
    await visit.open('strikes');
    const { page } = visit;
    await page.getByLabel('On', { exact: true }).selectOption('all tasks');
    await page.getByLabel('Parameter').fill('customerId');
    await page.getByLabel('Operator').selectOption(operator);
    if (type !== undefined) await page.getByLabel('Type of the value').selectOption(type);
    await page.getByLabel(/^Value/).fill(text);
    await press('Strike');
    const strike = { task: null, parameter: 'customerId', operator, value, mode: 'drop' };
    expect(await posted()).toEqual(['strike', strike]);
  });

  it.each([
    ['>', 'whole number', '1.5', 'Give a whole number, such as 5.'],
    ['==', 'number', 'x', 'Give a number, such as 1.5.'],
    ['==', 'true or false', 'yes', 'Give true or false.'],
    ['==', 'date', 'tomorrow', 'Give a date, such as 2026-01-31.'],
    ['==', 'JSON', '{', 'Give JSON, such as ["a","b"].'],
    ['between', undefined, '[1]', 'Give two values: [1, 10].'],
    ['in', undefined, '1', 'Give a list: ["a","b"].'],
  ])('refuse a value that is none: %s %s %s', async (operator, type, text, problem) => {
    await visit.open('strikes?task=a');
    const { page } = visit;
    await page.getByLabel('Parameter (optional)').fill('amount');
    await page.getByLabel('Operator').selectOption(operator);
    if (type !== undefined) await page.getByLabel('Type of the value').selectOption(type);
    await page.getByLabel(/^Value/).fill(text);
    await press('Strike');
    await says(problem);
    expect(visit.fake.posts).toEqual([]);
  });
});

it('shows no action to those who may only read', async () => {
  const { fake, page } = visit;
  fake.views.summary = { ...CANNED_SUMMARY, access: 'read', pause: { since: CANNED_EXECUTION.addedAt } };
  fake.views.execution = { ...CANNED_EXECUTION, ...cannedExecution(2) };
  const paths = ['overview', 'executions?state=failed', 'execution?key=order-2', 'tasks', 'schedules', 'strikes'];
  for (const path of paths) {
    await visit.open(path);
    await page.getByText('read only').waitFor();
    const names = await page.getByRole('button').allInnerTexts();
    expect([path, names.filter((name) => name !== 'Load more')]).toEqual([path, []]);
    expect([path, await page.getByText(/Strike this task|New strike/).count()]).toEqual([path, 0]);
  }
  await expectSoundPage(page, 1_440);
});
