import { describe, expect, it, jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { RunningShop } from '../../test/support/running-shop.js';
import { eachShopVisit } from '../../test/support/shop-visit.js';

jest.setTimeout(120_000);

describe('the dashboard of the shop', () => {
  let page: Page;
  let shop: RunningShop;
  eachShopVisit((begun) => {
    ({ page, shop } = begun);
    return page.getByText('The queue runs. 0 executions have not ended.').waitFor();
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

    const other = await page.context().browser()!.newPage();
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
