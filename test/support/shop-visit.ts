import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from './browser.js';
import { RunningShop } from './running-shop.js';

/** Time that a busy machine may take for what takes some seconds, in milliseconds. */
export const PATIENCE = 50_000;

/** Page of the shop in a browser, with all that went wrong in it. */
export class ShopVisit {
  readonly problems: string[] = [];

  private constructor(
    readonly page: Page,
    public shop: RunningShop,
    private readonly folder: string,
  ) {}

  /** Starts a shop with data of its own, and opens its page. */
  static async begin(browser: Browser): Promise<ShopVisit> {
    const folder = await mkdtemp(join(tmpdir(), 'shop-'));
    const visit = new ShopVisit(await browser.newPage(), new RunningShop(folder), folder);
    const { page, problems } = visit;
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('response', (response) => {
      if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(await visit.shop.url());
    return visit;
  }

  /** Starts the shop again, on the port and with the data that it had. */
  restart(port: string): RunningShop {
    this.shop = new RunningShop(this.folder, port);
    return this.shop;
  }

  /** Ends the visit. @throws where something went wrong in the page that no test has taken note of. */
  async end(): Promise<void> {
    await this.page.close();
    await this.shop.stop('SIGKILL');
    await rm(this.folder, { recursive: true });
    if (this.problems.length > 0) throw new Error(this.problems.join('\n'));
  }
}

/** Begins a visit before each test, in one browser for all tests of a file. */
export function eachShopVisit(take: (visit: ShopVisit) => Promise<unknown>): void {
  let browser: Browser;
  let visit: ShopVisit | undefined;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    visit = await ShopVisit.begin(browser);
    await take(visit);
  });
  afterEach(() => visit?.end());
}
