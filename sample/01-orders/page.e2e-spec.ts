import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../../test/support/browser.js';

const MAIN = join(import.meta.dirname, '../dist/01-orders/main.js');

/** What `npm start` runs: the built sample in a process of its own. */
class Shop {
  readonly lines: { text: string; at: number }[] = [];
  private readonly process: ChildProcess;
  private readonly exited: Promise<unknown[]>;
  private onLine = (): void => {};

  constructor(folder: string) {
    if (!existsSync(MAIN)) throw new Error('Build first: npm run build && npm run build:samples');
    this.process = spawn(process.execPath, [MAIN], {
      env: { ...process.env, PORT: '0', DATA_DIR: folder, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.exited = once(this.process, 'exit');
    createInterface({ input: this.process.stdout! }).on('line', (text) => {
      this.lines.push({ text, at: performance.now() });
      this.onLine();
    });
  }

  /** The first line that matches, once it is there. */
  async line(pattern: RegExp): Promise<{ text: string; at: number }> {
    for (;;) {
      const found = this.lines.find(({ text }) => pattern.test(text));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (this.onLine = resolve));
    }
  }

  async url(): Promise<string> {
    const { text } = await this.line(/Order a book at/);
    return `http://127.0.0.1:${/:(\d+),/.exec(text)?.[1]}`;
  }

  /** Ctrl-C. Returns when the process has ended. */
  async interrupt(): Promise<{ signal: unknown; at: number }> {
    this.process.kill('SIGINT');
    const [, signal] = await this.exited;
    return { signal, at: performance.now() };
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }
}

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
}, 60_000);
afterAll(() => browser?.close());

describe('the page of the shop', () => {
  let folder: string;
  let shop: Shop;
  let page: Page;
  const problems: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orders-page-'));
    shop = new Shop(folder);
    page = await browser.newPage();
    problems.length = 0;
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(await shop.url());
  }, 30_000);
  afterEach(async () => {
    await page.close();
    shop.kill();
    await rm(folder, { recursive: true });
  });

  const row = (task: string) => page.locator('#timeline tr', { hasText: `${task}_` });

  it('places an order and shows its tasks live, to their ends', async () => {
    await page.getByText('Live.').waitFor();
    await page.getByRole('button', { name: 'Order' }).click();
    await page.getByText(/^Order .* is processing\.$/).waitFor();
    await row('payment').and(page.locator('[data-state=started]')).waitFor();
    for (const task of ['payment', 'stock', 'mail', 'analytics', 'partners']) {
      await row(task).and(page.locator('[data-state=finished]')).waitFor();
    }
    await row('response').and(page.locator('[data-state="response sent"]')).waitFor();
    expect(await row('payment').innerText()).toMatch(/payment_.{4} \(shielded\)\s+immediate\s+finished/);

    await page.reload(); // and what happened before is still there
    await row('mail').and(page.locator('[data-state=finished]')).waitFor();
    expect(problems).toEqual([]);
  }, 30_000);

  it('shows a payment that fails', async () => {
    await page.getByLabel('Card').selectOption('declined by the bank');
    await page.getByRole('button', { name: 'Order' }).click();
    await row('payment').and(page.locator('[data-state=failed]')).waitFor();
    expect(await row('payment').innerText()).toContain('failed: threw');
  }, 30_000);

  it('shows what Ctrl-C finishes and what it cancels, and does not hold the exit up', async () => {
    await page.getByRole('button', { name: 'Order' }).click();
    await row('partners').and(page.locator('[data-state=started]')).waitFor();
    const { signal, at } = await shop.interrupt();

    expect(signal).toBe('SIGINT');
    const paid = await shop.line(/payment_.{4}\s+finished/);
    await shop.line(/partners_.{4}\s+finished/);
    await shop.line(/mail_.{4}\s+cancelled \(shutdown\)/);
    await shop.line(/Shutdown cancels .*mail_/);
    await shop.line(/Shutdown has waited for .*payment_.{4}#\d+ \(succeeded\)/);
    expect(at - paid.at).toBeLessThan(2_000);

    const stopped = page.getByText(/^The server has stopped\. finished: .*payment_.*cancelled: .*mail_/);
    await stopped.waitFor();
    expect(await row('mail').innerText()).toMatch(/cancelled: shutdown/);
    expect(problems).toEqual([]);
  }, 30_000);
});
