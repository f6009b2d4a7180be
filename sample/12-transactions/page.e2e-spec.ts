import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { startBrowser } from '../../test/support/browser.js';
import { expectSoundPage } from '../../test/support/page-checks.js';
import { RunningShop } from '../../test/support/running-shop.js';
import { freePort } from '../../test/support/servers/free-port.js';

jest.setTimeout(120_000);

let browser: Browser;
let folder: string;
let shop: RunningShop;
beforeAll(async () => {
  browser = await startBrowser();
  folder = await mkdtemp(join(tmpdir(), 'transactions-page-'));
  shop = new RunningShop(folder, String(await freePort()), '12-transactions');
});
afterAll(async () => {
  await browser?.close();
  await shop?.stop('SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

it('shows what became of each order', async () => {
  const page = await browser.newPage();
  page.setDefaultTimeout(40_000);
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(await shop.url());
  await page.getByText('No order yet. Press a button.').waitFor();
  await page.getByText(/^The server is process \d+$/).waitFor();
  await expectSoundPage(page);

  const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();
  const row = (text: string) => page.getByRole('row', { name: text });

  await press('Order');
  await page.getByText(/^Order \w+ has committed\.$/).waitFor();
  await row('Promises and How to Keep Them shipped completed 1').waitFor();

  await press('Order a sold-out book');
  await page.getByText(/^Order \w+ was rolled back: .*CHECK constraint failed/).waitFor();
  await row('Out of Print none none 0').waitFor();

  await press('Order, and kill the server');
  await page.getByText(/^No answer to order \w+: the server is gone\. Watch its task\.$/).waitFor();
  await page.getByText('The server is down. It starts again by itself.').waitFor();
  await row('Promises and How to Keep Them shipped completed 1').waitFor();
  // The queue of the new process does not know the first one.
  await row('Promises and How to Keep Them shipped ended 1').waitFor();
  await expectSoundPage(page);
  expect(problems).toEqual([]);
});
