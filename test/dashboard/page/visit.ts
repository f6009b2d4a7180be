import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { startBrowser } from '../../support/browser.js';
import { FakeDashboard } from './fake-dashboard.js';

/** A busy machine takes several times as long as an idle one. */
const PATIENCE = 30_000;

/** What a browser says of an answer with a status of 400 or above, or of none. */
const NETWORK = /Failed to load resource|ERR_|net::/;

/** Page of a fake dashboard in a browser of its own, with all that went wrong in it. */
export class Visit {
  readonly fake = new FakeDashboard();
  readonly problems: string[] = [];
  page!: Page;
  private context!: BrowserContext;

  constructor(private readonly browser: Browser) {}

  /** Starts the server alone: the test may change what it will answer. */
  async begin(): Promise<void> {
    await this.fake.start();
    this.context = await this.browser.newContext();
    this.page = await this.context.newPage();
    this.page.setDefaultTimeout(PATIENCE);
    this.page.on('pageerror', (error) => this.problems.push(String(error)));
    this.page.on('dialog', (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    this.page.on('console', (message) => {
      // A breach of the content security policy is an error of the console, too.
      if (message.type() === 'error' && !NETWORK.test(message.text())) this.problems.push(message.text());
    });
    this.page.on('request', (request) => {
      if (!request.url().startsWith(this.fake.url(''))) this.problems.push(`request: ${request.url()}`);
    });
  }

  /** Opens a view, and waits until it is live. */
  async open(path: string): Promise<void> {
    await this.page.goto(this.fake.url(path));
    await this.live();
  }

  live(): Promise<void> {
    return this.page.getByText('live', { exact: true }).waitFor();
  }

  /** Path and query of the address below the dashboard. */
  path(): string {
    return decodeURIComponent(this.page.url().slice(this.fake.url('').length));
  }

  /** Name or text of the element with the focus. */
  focused(): Promise<string> {
    return this.page.evaluate<string>(
      `(({ labels, ariaLabel, textContent }) => ariaLabel || labels?.[0]?.textContent || textContent.trim())(document.activeElement)`,
    );
  }

  /** Ends it, and fails for what went wrong in the page. */
  async end(): Promise<void> {
    await this.context?.close();
    await this.fake.stop();
    if (this.problems.length > 0) throw new Error(this.problems.join('\n'));
  }
}

/** Begins a visit before each test, in one browser for all tests of a file. */
export function eachVisit(take: (visit: Visit) => void): void {
  let browser: Browser;
  let visit: Visit | undefined;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    visit = new Visit(browser);
    take(visit);
    await visit.begin();
  });
  afterEach(() => visit?.end());
}
