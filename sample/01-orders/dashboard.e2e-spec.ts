import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../../test/support/browser.js';
import { RunningShop } from '../../test/support/running-shop.js';

jest.setTimeout(120_000);
/** Time that a busy machine may take for what takes some seconds, in milliseconds. */
const PATIENCE = 50_000;

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

describe('the dashboard of the shop', () => {
  let folder: string;
  let shop: RunningShop;
  let page: Page;
  const problems: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dashboard-'));
    shop = new RunningShop(folder);
    page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    problems.length = 0;
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('response', (response) => {
      if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(await shop.url());
    await page.getByText('The queue runs. 0 executions have not ended.').waitFor();
  });
  afterEach(async () => {
    await page.close();
    await shop.stop('SIGKILL');
    await rm(folder, { recursive: true });
    if (problems.length > 0) throw new Error(problems.join('\n'));
  });

  const press = (name: string | RegExp): Promise<void> => page.getByRole('button', { name, exact: true }).click();
  const follow = (name: string): Promise<void> => page.getByRole('link', { name, exact: true }).click();

  it('finds 500 parcels in one group, and retries all of them when the partner is mended', async () => {
    await press('Break the partner');
    await page.getByRole('button', { name: 'Mend the partner' }).waitFor();
    await press('Send 500 parcels');
    await page.getByText('The partner is broken. 0 announced, 500 failed, 0 to do.').waitFor();
    await follow('See the failures');
    const groups = page.getByRole('table', { name: 'Failures by task and kind of error' }).locator('tbody tr');
    await groups.first().waitFor();
    expect(await groups.count()).toBe(1);
    expect(await groups.innerText()).toMatch(
      /^500\s+parcels\.announce\s+PartnerError: the partner answered … to parcel …, request …\s/,
    );

    const other = await browser.newPage();
    await other.goto(await shop.url());
    await other.getByRole('button', { name: 'Mend the partner' }).click();
    await other.getByRole('button', { name: 'Break the partner' }).waitFor();

    await groups.getByRole('link', { name: 'parcels.announce' }).click();
    await press(/^Retry all that match/);
    const dialog = page.getByRole('dialog', { name: 'Retry all that match?' });
    await dialog.getByText('500 executions match.').waitFor();
    await dialog.getByLabel('At most per second').fill('200');
    await dialog.getByRole('button', { name: 'Retry 500 executions' }).click();
    await dialog.getByText('completed').waitFor();
    await other.getByText('The partner works. 500 announced, 0 failed, 0 to do.').waitFor();
    await other.close();
    await dialog.getByRole('button', { name: 'Close' }).click();

    await page.goto(`${await shop.url()}/tasks/failures`);
    await page.getByText('No failures').waitFor();
  });

  it('shows whom a limit holds up, whom a strike is on, and what runs by itself', async () => {
    await press('Strike Ann, and recommend');
    await page.getByText('Ann is struck. 8 sent, 4 held.').waitFor();
    await press('Order 20 invoices');
    await follow('See the limits');
    const pool = page.getByRole('listitem').filter({ hasText: 'invoices.print by customerId = bookworm' });
    await pool.getByText(/^1 of 1 in use, [1-9]\d* waiting$/).waitFor();
    await follow('Strikes');
    await page.getByText('complained about too many mails').waitFor();
    await follow('Schedules');
    const rows = page.locator('main tbody tr');
    await rows.first().waitFor();
    const schedules = (await rows.allInnerTexts()).map((text) => /every 30s|0 3 \* \* \*/.exec(text)?.[0]);
    expect(schedules.toSorted()).toEqual(['0 3 * * *', 'every 30s']);
  });

  it('holds the shutdown of the shop up for nobody who watches it', async () => {
    await follow('Task dashboard');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    const since = performance.now();
    await shop.stop('SIGINT');
    expect(performance.now() - since).toBeLessThan(10_000);
    await shop.line(/Shutdown: no task of an order was running/);
  });
});
