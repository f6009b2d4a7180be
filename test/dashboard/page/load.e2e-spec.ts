import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { startBrowser } from '../../support/browser.js';
import { until } from '../../support/until.js';
import { cannedExecution, cannedExecutions } from './canned-views.js';
import { Visit } from './visit.js';

jest.setTimeout(120_000);
/** Longest task of a list that people work with, in milliseconds. */
const LONGEST = 100;
const CHANGES = 100;

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

it('draws 200 rows that change 100 times without tasks of more than 100 ms', async () => {
  const visit = new Visit(browser);
  await visit.begin();
  const { fake, page } = visit;
  fake.views.executions = { executions: cannedExecutions(200) };
  await visit.open('executions');
  await page.locator('tbody tr').nth(199).waitFor();
  await page.evaluate(`
    row = document.querySelector('tbody tr:nth-child(100)');
  `);
  // In time of the processor: on a busy machine the clock, and so each long task, also counts the programs of others.
  const client = await page.context().newCDPSession(page);
  await client.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busyFor = async (): Promise<number> => {
    const { metrics } = await client.send('Performance.getMetrics');
    return 1_000 * metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };

  const times: number[] = [];
  let before = await busyFor();
  for (let change = 1; change <= CHANGES; change += 1) {
    // A new one comes, the last one goes, and one between changes.
    const rows = cannedExecutions(200 - change).map((each, at) => (at === change ? { ...each, attempt: 7 } : each));
    const added = Array.from({ length: change }, (_, at) => cannedExecution(1_000 + change - at));
    fake.show('executions', { executions: [...added, ...rows] });
    await page.getByText(`order-${1_000 + change}`, { exact: true }).waitFor();
    await page.evaluate('new Promise(requestAnimationFrame)');
    const now = await busyFor();
    times.push(now - before);
    before = now;
  }
  await until(async () => (await page.locator('tbody tr').count()) === 200, 'the last rows');

  // All tasks of a change together; a collection of garbage may fall into one or two.
  const tooLong = times.filter((time) => time > LONGEST);
  expect(tooLong.length).toBeLessThanOrEqual(2);
  expect(await page.evaluate(`row.isConnected && row.querySelector('.key').textContent`)).toBe('order-99');
  await visit.end();
});
