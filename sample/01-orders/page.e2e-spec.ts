import { describe, expect, it, jest } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { expectSoundPage } from '../../test/support/page-checks.js';
import type { RunningShop } from '../../test/support/running-shop.js';
import { eachShopVisit, type ShopVisit } from '../../test/support/shop-visit.js';

const TASKS = ['payment', 'stock', 'mail', 'analytics', 'partners'];
/** An order takes five seconds, and a busy machine several times as long. */
jest.setTimeout(120_000);

describe('the page of the shop', () => {
  let visit: ShopVisit;
  let page: Page;
  let shop: RunningShop;
  let problems: string[];
  eachShopVisit((begun) => {
    visit = begun;
    ({ page, shop, problems } = begun);
    return page.getByText('Live', { exact: true }).waitFor();
  });

  const order = (): Promise<void> => page.getByRole('button', { name: 'Order', exact: true }).click();
  const row = (task: string): Locator => page.locator(`.row[data-task=${task}]`).first();
  const reaches = (task: string, state: string): Promise<void> =>
    row(task)
      .and(page.locator(`[data-state=${state}]`))
      .waitFor();
  const runOf = async (task: string): Promise<{ from: number; to: number }> => {
    const { x, width } = (await row(task).locator('.run').boundingBox())!;
    return { from: x, to: x + width };
  };
  const focused = (): Promise<string> =>
    page.evaluate(`(({ name, textContent }) => name || textContent.trim())(document.activeElement)`);

  it('says what will come before the first order, and how to begin', async () => {
    await page.getByText('No order has come yet.').waitFor();
    await page.getByText('Choose a book and press Order.').waitFor();
    expect(await page.getByRole('main').count()).toBe(1);
    expect(await page.getByRole('list').filter({ hasText: 'shielded: shutdown waits for it' }).count()).toBe(1);
    const icon = (await page.locator('link[rel=icon]').getAttribute('href'))!;
    expect((await page.request.get(new URL(icon, page.url()).href)).headers()['content-type']).toBe('image/svg+xml');
    await expectSoundPage(page);
  });

  it('takes an order from the keyboard alone, and draws its tasks around the response', async () => {
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Task dashboard');
    for (const [control, key] of [
      ['book', 'ArrowDown'],
      ['quantity', 'ArrowUp'],
      ['card', 'Home'],
      ['Order', 'Enter'],
    ] as const) {
      await page.keyboard.press('Tab');
      expect(await focused()).toBe(control);
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
      await page.keyboard.press(key);
    }
    await page.getByText(/^Order .{4} is accepted and arrives in 2 days\.$/).waitFor();
    await page.getByText('2 × Promises and How to Keep Them, €68.00').waitFor();
    for (const task of TASKS) await reaches(task, 'finished');
    await page.getByText('Paid', { exact: true }).waitFor();
    await page.getByText(/^stock reserved · mail sent · warehouse, shipping, accounting told$/).waitFor();

    const response = await page.locator('.axis .mark.response').boundingBox();
    expect((await runOf('payment')).from).toBeLessThan(response!.x);
    expect((await runOf('mail')).from).toBeGreaterThanOrEqual(response!.x - 1);
    expect((await runOf('mail')).to).toBeGreaterThan((await runOf('payment')).to);
    expect(await page.locator('.labels').innerText()).toMatch(/^response sent, (\d+ ms|\d+\.\d\d s)$/);
    expect(await row('payment').innerText()).toMatch(
      /payment\s+starts at once\s+finished\s+from \d+ ms to \d+\.\d\d s/,
    );
    expect(await row('payment').getByRole('img', { name: 'shielded' }).count()).toBe(1);
    expect(await row('mail').getByRole('img', { name: 'shielded' }).count()).toBe(0);
    await expectSoundPage(page);

    await page.reload(); // and the same is there again
    for (const task of TASKS) await reaches(task, 'finished');
    await page.getByRole('link', { name: 'See the failures' }).focus(); // the first control after the orders
    await page.keyboard.press('Shift+Tab');
    expect(await focused()).toBe('The times as a table');
    await page.keyboard.press('Enter');
    const table = page.getByRole('table', { name: /^Times of order .{4}, since it came$/ });
    const mail = await table.getByRole('row', { name: 'mail: starts after the response' }).innerText();
    expect(mail).toMatch(/\t\d+ ms\t.*s\t.*s\t4\.\d\d s\tfinished$/);
    await expectSoundPage(page);
  });

  it('tells screen readers politely how tasks end', async () => {
    const announcer = page.locator('#announcer[role=status]');
    await page.evaluate(`
      heard = '';
      new MutationObserver(() => (heard += announcer.textContent + ' ')).observe(announcer, { childList: true });
    `);
    await order();
    await announcer.filter({ hasText: /mail of order .{4} finished\./ }).waitFor({ state: 'attached' });
    expect(await page.evaluate('heard')).toMatch(/response sent after .*payment of order .{4} finished\./);
  });

  it('shows the refund of a card that the bank declines', async () => {
    await page.getByLabel('Card').selectOption('declined by the bank');
    await order();
    await reaches('refund', 'finished');
    expect(await row('payment').innerText()).toContain('failed: The bank has declined the card');
    expect(await row('refund').innerText()).toMatch(/^refund\s+error handler of the payment\s+finished/);
    expect((await runOf('refund')).from).toBeCloseTo((await runOf('payment')).to, 0);
    await page.getByText('Refunded', { exact: true }).waitFor();
    for (const task of ['mail', 'partners']) await reaches(task, 'finished');
    await expectSoundPage(page);
  });

  it('shows the newest of many orders first, each on an axis of its own, and the older ones when asked', async () => {
    const data = { book: 'Out of Print', quantity: 1, card: '4242424242424242' };
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      const response = await page.request.post(`${page.url()}orders`, { data });
      ids.unshift(((await response.json()) as { id: string }).id.slice(-4));
    }
    const cards = page.locator('.order:visible');
    const more = page.getByRole('button', { name: 'Show 2 older' });
    await more.waitFor();
    const shown = (): Promise<string[]> => cards.locator('h3').allInnerTexts();
    expect(await shown()).toEqual(ids.slice(0, 5).map((id) => `Order ${id}`));
    await more.press('Enter');
    expect(await shown()).toEqual(ids.map((id) => `Order ${id}`));
    await page.locator('.row[data-task=mail][data-state=finished]').nth(6).waitFor();
    for (const card of await cards.all()) {
      expect(await card.locator('.tick').first().innerText()).toBe('0 s');
      expect(await card.innerText()).toContain('shipping refused (nothing to ship)');
    }
    await expectSoundPage(page);
  });

  it('tells what SIGTERM finishes and cancels by name, and keeps it when the server is back', async () => {
    await page.evaluate(`
      titles = [];
      title = document.querySelector('#shutdown-title');
      new MutationObserver(() => titles.push(title.textContent)).observe(title, { childList: true });
    `);
    await order();
    await reaches('partners', 'running');
    const port = await shop.port();
    const { signal, at } = await shop.stop('SIGTERM');

    expect(signal).toBe('SIGTERM');
    const last = await shop.line(/Shutdown: finished .*payment_.{4}.*; cancelled .*mail_.{4}/);
    expect(at - last.at).toBeLessThan(4_000); // an open page would hold the server for 5 s
    const id = /mail_(.{4})/.exec(last.text)?.[1];

    const report = page.locator('#shutdown');
    await report.getByRole('heading', { name: /^The server stopped at / }).waitFor();
    expect(await page.evaluate('titles')).toEqual([
      'The server is shutting down',
      expect.stringMatching(/^The server stopped at /),
    ]);
    const said = await report.innerText();
    expect(said).toMatch(new RegExp(`Finished[^]*payment_${id}[^]*Cancelled[^]*mail_${id}`));
    expect(said).toContain(`partners_${id}`);
    expect(await row('mail').innerText()).toContain('cancelled by shutdown');
    await reaches('payment', 'finished');
    expect(await page.locator('.labels').innerText()).toMatch(/shutdown began, /);
    const shutdown = await page.locator('.axis .mark.shutdown').boundingBox();
    expect((await runOf('mail')).to).toBeCloseTo(shutdown!.x, -1);
    expect((await runOf('payment')).to).toBeGreaterThan(shutdown!.x);
    await page.getByText('Stopped: npm start brings it back').waitFor();
    await expectSoundPage(page);

    shop = visit.restart(port);
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await report.innerText()).toBe(said);
    await order();
    await page.locator('.order').nth(1).waitFor();
    expect(await row('mail').innerText()).not.toContain('cancelled');
    expect(await page.locator('.row[data-task=mail]').last().innerText()).toContain('cancelled by shutdown');
  });

  it('says of tasks whose server was killed that they are lost', async () => {
    await order();
    await reaches('mail', 'running');
    const port = await shop.port();
    await shop.stop('SIGKILL');
    await page.getByText('Stopped: npm start brings it back').waitFor();
    shop = visit.restart(port);
    await reaches('mail', 'lost');
    expect(await row('mail').innerText()).toContain('lost with the server');
    expect(await page.locator('#shutdown').isHidden()).toBe(true);
    await expectSoundPage(page);
  });

  it('is sound in the states that pass quickly: waiting, running, shutting down', async () => {
    const placed = { id: '00000000-0000-4000-8000-00000000abcd', book: 'Out of Print', quantity: 1, total: 1_900 };
    const step = { orderId: placed.id, timing: 'afterResponse', reason: '', shielded: true, at: 1_000 };
    const entries = [
      ['server', { at: 3_000, startedAt: 1 }],
      ['order', { at: 1_000, order: { ...placed, status: 'processing' } }],
      ['task', { ...step, task: 'payment', what: 'scheduled', timing: 'immediate' }],
      ['task', { ...step, task: 'payment', what: 'started', at: 1_001 }],
      ['task', { ...step, task: 'mail', what: 'scheduled' }],
      ['shutdown', { at: 2_000, waitsFor: ['payment_abcd'] }],
    ] as const;
    const body = entries.map(([type, data]) => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`).join('');
    await page.route('**/timeline', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
    await page.reload();
    await page.getByText('It waits for payment_abcd, because a shield protects it.').waitFor();
    await reaches('payment', 'running');
    await reaches('mail', 'waiting');
    await page.getByText('Processing', { exact: true }).waitFor();
    expect(await page.locator('.axis .mark.shutdown').count()).toBe(1);
    await expectSoundPage(page);
  });

  it('moves nothing for those who want no motion, and is dark for those who want it dark', async () => {
    const background = (): Promise<string> =>
      page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: 'light' });
    const light = await background();
    await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: 'dark' });
    expect([light, await background()]).toEqual(['rgb(245, 244, 240)', 'rgb(17, 21, 29)']);
    await page.evaluate(`
      moved = 0;
      document.addEventListener('animationstart', () => moved++);
      frames = 0;
      request = requestAnimationFrame;
      requestAnimationFrame = (draw) => { frames++; return request(draw); };
    `);
    await order();
    for (const task of TASKS) await reaches(task, 'finished');
    expect(await page.evaluate('[moved, frames]')).toEqual([0, 0]);
  });

  it('says why an order is refused', async () => {
    await page.evaluate(`document.querySelector('form').noValidate = true`);
    await page.getByLabel('Copies').fill('0');
    await order();
    await page.getByText('The order was refused: quantity must be a whole number from 1 to 10.').waitFor();
    expect(await page.locator('.order').count()).toBe(0);
    await expectSoundPage(page);
    expect(problems.splice(0)).toEqual([expect.stringMatching(/^400 .*\/orders$/)]);
  });
});
