import { describe, expect, it, jest } from '@jest/globals';
import { expectSoundPage } from '../../support/page-checks.js';
import { until } from '../../support/until.js';
import { CANNED_EXECUTION, CANNED_SUMMARY, cannedExecution } from './canned-views.js';
import { eachVisit, type Visit } from './visit.js';

jest.setTimeout(120_000);
const PATIENCE = 30_000;

let visit: Visit;
eachVisit((begun) => (visit = begun));

const says = (text: string | RegExp): Promise<void> => visit.page.getByRole('status').getByText(text).first().waitFor();
const saysNoMore = (text: string | RegExp): Promise<void> =>
  visit.page.getByRole('status').getByText(text).waitFor({ state: 'detached' });
const streams = (count: number): Promise<unknown> =>
  until(() => visit.fake.streams.size === count, `${count} streams`, PATIENCE);
/** Chromium has no way to hide the tab of a headless browser. */
const setHidden = (isHidden: boolean): Promise<unknown> =>
  visit.page.evaluate(`
    Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  `);

describe('the event stream', () => {
  it('is one, follows the view and its query, and shows changes', async () => {
    await visit.open('executions?state=failed&task=a');
    const { page, fake } = visit;
    expect(fake.opened).toEqual(['?state=failed&task=a&view=executions']);
    fake.show('executions', { executions: [cannedExecution(77)] });
    await page.getByText('order-77').waitFor();
    await page.getByRole('link', { name: 'Tasks', exact: true }).click();
    await page.getByText('not declared here').waitFor();
    await streams(1);
    expect(fake.opened).toEqual(['?state=failed&task=a&view=executions', '?view=tasks']);
    fake.show('summary', { ...CANNED_SUMMARY, pause: { since: CANNED_EXECUTION.addedAt, reason: 'partner is down' } });
    await page.getByText('The queue is paused: no execution starts').waitFor();
    await page.getByText(/: partner is down$/).waitFor();
    expect(fake.reads).toEqual([]);
  });

  it('is closed while the tab is hidden, and opened again when it is shown', async () => {
    await visit.open('workers');
    await streams(1);
    await setHidden(true);
    await streams(0);
    visit.fake.views.workers = [{ ...visit.fake.views.workers[0]!, host: 'host-new' }];
    await setHidden(false);
    await visit.page.getByText('host-new').waitFor();
    await streams(1);
    expect(visit.fake.opened).toHaveLength(2);
  });

  it('begins hidden when the tab does', async () => {
    await visit.page.addInitScript(`Object.defineProperty(document, 'hidden', { value: true, configurable: true })`);
    await visit.page.goto(visit.fake.url('workers'));
    await visit.page.getByRole('heading', { name: 'Workers' }).waitFor();
    expect(visit.fake.opened).toEqual([]);
    await setHidden(false);
    await visit.live();
    expect(visit.fake.opened).toHaveLength(1);
  });

  it('is renewed when the server asks, and nobody sees it', async () => {
    await visit.open('workers');
    const { page, fake } = visit;
    await page.evaluate(`
      said = '';
      new MutationObserver(() => (said += document.querySelector('.about').textContent))
        .observe(document.body, { childList: true, subtree: true, characterData: true });
    `);
    fake.send('renew', {});
    await until(() => fake.opened.length === 2, 'a second stream', PATIENCE);
    await streams(1);
    fake.show('workers', []);
    await page.getByText('No worker is there').waitFor();
    expect(await page.evaluate('said')).not.toContain('connecting');
    expect(fake.reads).toEqual([]);
  });

  it('draws nothing when the same comes again', async () => {
    await visit.open('overview');
    await visit.page.evaluate(`
      changes = 0;
      read = 0;
      parse = JSON.parse;
      JSON.parse = (text) => {
        read += 1;
        return parse(text);
      };
      new MutationObserver((records) => {
        changes += records.filter(({ target }) => target.parentNode?.localName !== 'time').length;
      }).observe(document.querySelector('main'), { childList: true, subtree: true, characterData: true, attributes: true });
    `);
    visit.fake.show('overview', visit.fake.views.overview);
    visit.fake.show('summary', visit.fake.views.summary);
    visit.fake.show('summary', { ...CANNED_SUMMARY, user: 'grace@example.com' });
    await visit.page.getByText('grace@example.com').waitFor();
    // The summary of the other user alone.
    expect(await visit.page.evaluate('[changes, read]')).toEqual([0, 1]);
  });

  it('moves neither the focus nor the scroll, and leaves alone what is typed', async () => {
    await visit.open('executions');
    const { page, fake } = visit;
    await page.getByRole('textbox', { name: 'Key begins with' }).pressSequentially('ord');
    await page.evaluate('scrollTo(0, 300)');
    const scroll = await page.evaluate('scrollY');
    fake.show('executions', { executions: [cannedExecution(90), ...fake.views.executions.executions] });
    await page.getByText('order-90').waitFor();
    expect(await visit.focused()).toBe('Key begins with');
    expect(await page.getByRole('textbox', { name: 'Key begins with' }).inputValue()).toBe('ord');
    expect(await page.evaluate('scrollY')).toBe(scroll);
  });
});

describe('an outage of the broker', () => {
  it('is said, with the old data marked, until the next data', async () => {
    await visit.open('workers');
    const { page, fake } = visit;
    fake.send('outage', { message: 'connect ECONNREFUSED 127.0.0.1:6379' });
    await says('The broker cannot be reached');
    await says('connect ECONNREFUSED 127.0.0.1:6379');
    await page.getByText('host-a:41:1').waitFor();
    await page.locator('[data-stale=true]').waitFor();
    await page.getByText('not live', { exact: true }).waitFor();
    await expectSoundPage(page, 1_440);
    fake.show('workers', []);
    await page.getByText('No worker is there').waitFor();
    await saysNoMore('The broker cannot be reached');
    await page.locator('[data-stale=false]').waitFor();
    await visit.live();
    expect(fake.opened).toHaveLength(1);
  });
});

describe('a deploy', () => {
  it('is survived: the server closes, is gone, and comes back with another version', async () => {
    await visit.open('workers');
    const { page, fake } = visit;
    fake.send('closing', {});
    await says('The server is shutting down, reconnecting');
    await fake.stop();
    await says('Connection lost, reconnecting');
    await says(/^What is below is as of \d/);
    await page.getByText('host-a:41:1').waitFor();
    await page.locator('[data-stale=true]').waitFor();
    await expectSoundPage(page, 1_440);

    fake.views.summary = { ...CANNED_SUMMARY, version: '1.5.0' };
    fake.views.workers = [];
    await fake.start();
    await page.getByText('No worker is there').waitFor();
    await saysNoMore('Connection lost, reconnecting');
    await visit.live();
    await expectSoundPage(page, 1_440);
    await page.getByRole('button', { name: 'Reload: version 1.5.0 is running now' }).click();
    await page.getByText('version 1.5.0', { exact: true }).waitFor();
    await visit.live();
    expect(await page.getByText('Reload').count()).toBe(0);
  });

  it('is survived when the connection is cut', async () => {
    await visit.open('workers');
    const { fake } = visit;
    await fake.stop();
    await says('Connection lost, reconnecting');
    await fake.start();
    await visit.live();
    await saysNoMore('Connection lost, reconnecting');
    await streams(1);
    expect(await visit.page.getByText('host-a:41:1').count()).toBe(1);
  });
});

describe('a refusal', () => {
  const refused = async (status: number, body: string): Promise<void> => {
    visit.fake.refusal = { status, body };
    for (const { response } of visit.fake.streams) response.destroy();
    await until(() => visit.fake.reads.length > 0, 'a look at the status', PATIENCE);
  };

  it.each([
    [401, '{"message":"Session is over"}', 'Signed out', 'Session is over'],
    [403, '{"message":"Admins only"}', 'No access', 'Admins only'],
    [403, '<h1>Forbidden</h1>', 'No access', '403 Forbidden'],
  ])('with %i (%s) is said, and stops the page', async (status, body, title, message) => {
    await visit.page.clock.install();
    await visit.open('workers');
    await refused(status, body);
    await says(title);
    await says(message);
    await expectSoundPage(visit.page, 1_440);
    const { length } = visit.fake.opened;
    await visit.page.getByText('not live', { exact: true }).waitFor();
    await visit.page.clock.runFor(60_000); // longer than the longest delay of a reconnection
    expect([visit.fake.opened.length, visit.fake.reads]).toEqual([length, ['workers']]);
    visit.fake.refusal = undefined;
    await visit.page.getByRole('button', { name: 'Reload' }).click();
    await visit.live();
  });

  it('is said at once, too', async () => {
    visit.fake.refusal = { status: 401, body: '{}' };
    await visit.page.goto(visit.fake.url('overview'));
    await says('Signed out');
    expect(await visit.page.getByText('Reading').count()).toBe(0);
  });

  it('with 503 is an outage: the page tries again', async () => {
    await visit.open('workers');
    await refused(503, '{"message":"Broker unreachable"}');
    await says('Connection lost, reconnecting');
    await says('Broker unreachable');
    visit.fake.refusal = undefined;
    await visit.live();
    expect(visit.fake.opened).toHaveLength(2);
  });

  it('of the query says why, and ends with another query', async () => {
    await visit.open('executions?since=banana');
    const { page, fake } = visit;
    fake.send('refused', { statusCode: 400, message: 'since: got banana, expected a time' });
    await says('The query was refused');
    await says('since: got banana, expected a time');
    await expectSoundPage(page, 1_440);
    await page.getByRole('textbox', { name: 'Ended since' }).fill('1h');
    await page.keyboard.press('Enter');
    await visit.live();
    await saysNoMore('The query was refused');
    expect(fake.opened.at(-1)).toBe('?since=1h&view=executions');
  });

  it('of an execution that is not known says so', async () => {
    await visit.open('execution?key=a');
    visit.fake.send('gone', {});
    await says('This execution is not known');
    await expectSoundPage(visit.page, 1_440);
    await visit.page.getByRole('link', { name: 'Show the executions' }).click();
    await visit.page.getByText('order-0').waitFor();
    await saysNoMore('This execution is not known');
    expect(visit.path()).toBe('executions');
  });
});
