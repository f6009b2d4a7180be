import { describe, expect, it, jest } from '@jest/globals';
import { expectSoundPage } from '../../support/page-checks.js';
import { until } from '../../support/until.js';
import { cannedExecution, cannedExecutions } from './canned-views.js';
import { eachVisit, type Visit } from './visit.js';

jest.setTimeout(120_000);
const PATIENCE = 30_000;

let visit: Visit;
eachVisit((begun) => (visit = begun));

const heading = (name: string): Promise<void> =>
  visit.page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
const streamOf = (search: string): Promise<unknown> =>
  until(() => visit.fake.opened.at(-1) === search && visit.fake.streams.size === 1, `the stream ${search}`, PATIENCE);

describe('the views', () => {
  it('are links, between which back and forward lead, with the focus on the heading', async () => {
    await visit.open('overview');
    const { page } = visit;
    await page.evaluate('loaded = true');
    await page.getByRole('link', { name: '20 running' }).click();
    await heading('Executions');
    expect([visit.path(), await visit.focused()]).toEqual(['executions?state=running', 'Executions']);
    await page.getByRole('link', { name: 'order-0', exact: true }).click();
    await heading('Execution');
    expect(visit.path()).toBe('execution?id=id-0&key=order-0');
    await page.goBack();
    await heading('Executions');
    expect(await page.getByRole('checkbox', { name: 'running' }).isChecked()).toBe(true);
    await streamOf('?state=running&view=executions');
    await page.goBack();
    await heading('Overview');
    await page.goForward();
    await heading('Executions');
    expect([visit.path(), await visit.focused()]).toEqual(['executions?state=running', 'Executions']);
    expect(await page.evaluate('loaded')).toBe(true);
  });

  it('are left to the browser when asked for in a tab of their own', async () => {
    await visit.open('overview');
    const { page } = visit;
    await page.evaluate(`
      document.addEventListener('click', (event) => {
        taken = event.defaultPrevented;
        event.preventDefault();
      });
    `);
    const strikes = page.getByRole('link', { name: 'Strikes' });
    for (const modifier of ['Control', 'Shift', 'Meta', 'Alt'] as const) {
      await strikes.click({ modifiers: [modifier] });
      expect([modifier, await page.evaluate('taken'), visit.path()]).toEqual([modifier, false, 'overview']);
    }
    expect(await strikes.evaluate(({ href }: { href: string }) => href)).toBe(visit.fake.url('strikes'));
    await strikes.click();
    expect([await page.evaluate('taken'), visit.path()]).toEqual([true, 'strikes']);
  });

  it('are where the sentences lead that need a person', async () => {
    await visit.open('workers');
    await visit.page.getByRole('link', { name: '41 executions of orders.process failed in the last hour' }).click();
    await heading('Executions');
    expect(visit.path()).toBe('executions?state=failed');
    await streamOf('?state=failed&view=executions');
  });

  it('can be skipped to', async () => {
    await visit.open('tasks');
    const { page } = visit;
    await page.keyboard.press('Tab');
    await expectSoundPage(page, 1_440);
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(`document.querySelector('main').contains(document.activeElement)`)).toBe(true);
    expect(visit.path()).toBe('tasks');
  });

  it('show the current one in a narrow navigation', async () => {
    await visit.page.setViewportSize({ width: 375, height: 800 });
    await visit.open('now');
    const { x, width } = (await visit.page.getByRole('link', { name: 'Now', exact: true }).boundingBox())!;
    expect(x + width).toBeLessThanOrEqual(375);
  });

  it('have ranges, sorts and tabs in the address', async () => {
    await visit.open('overview');
    const { page } = visit;
    await page.getByRole('link', { name: 'Last 24 h' }).click();
    await streamOf('?range=24h&view=overview');
    expect(visit.path()).toBe('overview?range=24h');
    await visit.open('tasks?sort=failed');
    const names = (): Promise<string[]> => page.getByRole('rowheader').getByRole('link').allInnerTexts();
    expect(await names()).toEqual(['orders.process', 'mail.send']);
    expect(await page.getByRole('columnheader', { name: 'Failed in 1 h' }).getAttribute('aria-sort')).toBe(
      'descending',
    );
    await page.getByRole('columnheader', { name: 'Task' }).getByRole('link').click();
    expect([visit.path(), ...(await names())]).toEqual(['tasks', 'mail.send', 'orders.process']);
    await page.getByRole('link', { name: 'Executions', exact: true }).click();
    await page.getByRole('link', { name: 'Failures by kind' }).click();
    await heading('Failures');
    await page.getByRole('rowheader').or(page.getByRole('cell')).getByRole('link', { name: 'orders.process' }).click();
    expect(visit.path()).toEqual(
      expect.stringMatching(/^executions\?state=failed&task=orders\.process&kind=TimeoutError:\+no\+answer/),
    );
  });
});

describe('the filters', () => {
  it('combine, stand in the address, and come back from it', async () => {
    await visit.open('executions');
    const { page } = visit;
    await page.getByRole('checkbox', { name: 'failed' }).check();
    await page.getByRole('checkbox', { name: 'dropped' }).check();
    const texts = [
      ['Task', 'orders.process'],
      ['Key begins with', 'order-'],
      ['Error has', 'a&b=c%'],
      ['Worker', 'host-a:41:1'],
      ['Ended since', '3h'],
      ['Ended until', '1h'],
    ] as const;
    for (const [name, text] of texts) {
      await page.getByLabel(name, { exact: true }).fill(text);
      await page.keyboard.press('Enter');
    }
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({
      state: 'failed,dropped',
      task: 'orders.process',
      keyPrefix: 'order-',
      error: 'a&b=c%',
      worker: 'host-a:41:1',
      since: '3h',
      until: '1h',
    });
    await until(() => new URLSearchParams(visit.fake.opened.at(-1)).get('until') === '1h', 'the stream', PATIENCE);
    await page.reload();
    await visit.live();
    for (const [name, text] of texts) expect(await page.getByLabel(name, { exact: true }).inputValue()).toBe(text);
    expect(await page.getByRole('checkbox', { checked: true }).count()).toBe(2);
    await page.goBack();
    await until(() => !visit.path().includes('until'), 'the address before', PATIENCE);
    const field = page.getByLabel('Ended until');
    await until(async () => (await field.inputValue()) === '', 'the field as before', PATIENCE); // drawn after the address
    await page.getByRole('link', { name: 'Show all' }).click();
    expect(visit.path()).toBe('executions');
    await streamOf('?view=executions');
  });

  it('suggest the tasks that are there', async () => {
    await visit.open('executions');
    await visit.page.getByLabel('Task', { exact: true }).focus();
    await visit.page.locator('datalist option[value="mail.send"]').waitFor({ state: 'attached' });
    expect(visit.fake.reads).toEqual(['tasks']);
  });

  it('show no rows of another query when the connection is lost', async () => {
    await visit.open('executions');
    await visit.fake.stop();
    await visit.page.getByRole('checkbox', { name: 'parked' }).check();
    await visit.page.getByText('order-0', { exact: true }).waitFor({ state: 'detached' });
    expect(visit.path()).toBe('executions?state=parked');
  });
});

describe('later pages', () => {
  it('are read by their cursors, while the first stays live', async () => {
    const { fake, page } = visit;
    fake.pages['after-20'] = { executions: [cannedExecution(19), cannedExecution(21)], cursor: 'after-21' };
    fake.pages['after-21'] = { executions: [cannedExecution(22)] };
    await visit.open('executions?state=failed');
    const keys = (): Promise<string[]> => page.locator('td.key').allInnerTexts();
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByText('order-21', { exact: true }).waitFor();
    expect(fake.reads.at(-1)).toBe('executions?state=failed&cursor=after-20');
    await page.getByText(/^The first 20 are live, the others as of/).waitFor();
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByText('order-22', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Load more' }).count()).toBe(0);
    const first = cannedExecutions(20).map(({ key }) => key);
    expect(await keys()).toEqual([...first, 'order-21', 'order-22']);
    fake.show('executions', { executions: [cannedExecution(50), ...cannedExecutions(19)], cursor: 'c' });
    await page.getByText('order-50', { exact: true }).waitFor();
    expect(await keys()).toEqual(['order-50', ...first, 'order-21', 'order-22']);
    await expectSoundPage(page, 1_440);
    await page.getByRole('button', { name: 'Show the live ones only' }).click();
    expect(await keys()).toEqual(['order-50', ...first.slice(0, 19)]);
  });

  it('say when they cannot be read', async () => {
    await visit.open('executions');
    visit.fake.refusal = { status: 503, body: '{"message":"Broker unreachable"}' };
    await visit.page.getByRole('button', { name: 'Load more' }).click();
    await visit.page.getByRole('status').getByText('Broker unreachable').waitFor();
    expect(await visit.page.getByRole('button', { name: 'Load more' }).count()).toBe(1);
  });
});
