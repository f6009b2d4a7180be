import { describe, expect, it, jest } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { expectSoundPage } from '../../test/support/page-checks.js';
import type { RunningShop } from '../../test/support/running-shop.js';
import { eachShopVisit, type ShopVisit } from '../../test/support/shop-visit.js';

jest.setTimeout(120_000);

describe('the durable tasks on the page of the shop', () => {
  let visit: ShopVisit;
  let page: Page;
  let shop: RunningShop;
  let problems: string[];
  eachShopVisit((begun) => {
    visit = begun;
    ({ page, shop, problems } = begun);
    return page.getByText('The queue runs. 0 executions have not ended.').waitFor();
  });

  const card = (title: string): Locator => page.getByRole('article', { name: title });
  const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();
  /** Waits until a card says the text, as the result of a press or as its figures. */
  const says = (title: string, text: string | RegExp): Promise<void> => card(title).getByText(text).waitFor();
  const result = (title: string): Locator => card(title).getByRole('status');

  it('has a card for each pattern, with a link into the dashboard and a sentence of its state', async () => {
    const views = await page
      .locator('.pattern a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    expect(views).toEqual([
      'tasks/failures',
      'tasks/limits',
      'tasks/strikes',
      'tasks/executions?task=stocktake.sum',
      'tasks/overview',
    ]);
    expect(await page.locator('.figures').allInnerTexts()).toEqual([
      'The partner works. 0 announced, 0 failed, 0 to do.',
      'Customer bookworm: 0 printed, 0 running, 0 waiting. Others: 0 printed.',
      'Ann is not struck. 0 sent, 0 held.',
      'No stock has been taken yet.',
      'The queue runs. 0 executions have not ended.',
    ]);
    expect(await page.getByRole('link', { name: 'Task dashboard' }).getAttribute('href')).toBe('tasks');
    await expectSoundPage(page);
  });

  it('fails 500 parcels while the partner is broken, and announces 500 more when it is mended, from the keyboard', async () => {
    await page.getByRole('button', { name: 'Break the partner' }).focus();
    await page.keyboard.press('Enter');
    await result('A partner fails').getByText('The partner refuses everything now.').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    await page.keyboard.press('Space');
    await says('A partner fails', 'The partner is broken. 0 announced, 500 failed, 0 to do.');
    await result('A partner fails').getByText('All of them have ended.').waitFor();
    await expectSoundPage(page);

    await press('Mend the partner');
    await result('A partner fails').getByText('The partner works again.').waitFor();
    await press('Send 500 parcels');
    await says('A partner fails', 'The partner works. 500 announced, 500 failed, 0 to do.');
  });

  it('prints the invoices of the hot customer one at a time, after those of all others', async () => {
    await press('Order 20 invoices');
    await says('A hot customer, under a limit', 'Others: 4 printed.');
    const figures = await card('A hot customer, under a limit').locator('.figures').innerText();
    expect(figures).toMatch(/^Customer bookworm: \d+ printed, [01] running, [1-9]\d* waiting\./);
    await expectSoundPage(page);
  });

  it('holds what Ann would get until she is restored', async () => {
    await press('Strike Ann, and recommend');
    await says('A strike', 'Ann is struck. 8 sent, 4 held.');
    await result('A strike').getByText('All of them have ended.').waitFor();
    await press('Restore Ann');
    await says('A strike', 'Ann is not struck. 12 sent, 0 held.');
    await press('Strike Ann');
    await page.getByRole('button', { name: 'Restore Ann' }).waitFor();
    expect(await result('A strike').innerText()).toBe('Ann is struck.');
    await expectSoundPage(page);
  });

  it('counts twenty shelves, and adds them up', async () => {
    await press('Take stock');
    await says('A fan-out', '20 of 20 shelves counted. No sum yet.');
    await says('A fan-out', '20 of 20 shelves counted. 2,520 books.');
    await result('A fan-out').getByText('All of them have ended.').waitFor();
    expect(await card('A pause').locator('.figures').innerText()).toBe('The queue runs. 0 executions have not ended.');
    await expectSoundPage(page);
  });

  it('adds while the queue is paused, and runs what was added when it goes on', async () => {
    await press('Pause the queue');
    await result('A pause').getByText('The queue starts nothing now.').waitFor();
    await press('Take stock');
    await says('A pause', 'The queue is paused. 21 executions have not ended.');
    await expectSoundPage(page);
    await page.reload(); // and the same is there again
    await press('Resume the queue');
    await says('A fan-out', '20 of 20 shelves counted. 2,520 books.');
    expect(await result('A pause').innerText()).toBe('The queue goes on.');
  });

  it('says after Ctrl-C how many were lost with the memory of the process, in the terminal too', async () => {
    await press('Pause the queue');
    await page.getByRole('button', { name: 'Resume the queue' }).waitFor();
    await press('Take stock');
    await says('A pause', 'The queue is paused. 21 executions have not ended.');
    const port = await shop.port();
    await shop.stop('SIGINT');
    const report = page.getByRole('region', { name: /^The server stopped at/ });
    await report.getByText('No task of an order was running.').waitFor();
    await report
      .getByText('21 durable tasks have not ended. The queue is in memory: they are lost with the server.')
      .waitFor();
    await shop.line(
      /WARN.*Shutdown: 21 durable tasks have not ended\. A queue in memory loses them; queue\.url would keep them$/,
    );
    const said = await report.innerText();
    await press('Send 500 parcels');
    await result('A partner fails').getByText('The server does not answer. Start it with npm start.').waitFor();
    await expectSoundPage(page);

    shop = visit.restart(port);
    await says('A pause', 'The queue runs. 0 executions have not ended.');
    expect(await report.innerText()).toBe(said);
  });

  it('says why a press is refused', async () => {
    const message = 'count must be a whole number from 1 to 100';
    await page.route('**/durable/invoices', (route) => route.fulfill({ status: 400, json: { message } }));
    await press('Order 20 invoices');
    await result('A hot customer, under a limit').getByText(`The server refused: ${message}.`).waitFor();
    await expectSoundPage(page);
    expect(problems.splice(0)).toEqual([expect.stringMatching(/^400 .*\/durable\/invoices$/)]);
  });
});
