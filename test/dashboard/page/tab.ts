import type { Browser, BrowserContext, Page } from 'playwright-core';

/** A busy machine takes several times as long as an idle one. */
const PATIENCE = 20_000;
/** Lines of a browser about an answer with a status of 400 or above, or about none. */
const NETWORK = /Failed to load resource|ERR_|net::/;

/** Tab with a dashboard at `/tasks`, with all that went wrong in it. `await using` closes it, and fails for that. */
export class Tab implements AsyncDisposable {
  private readonly problems: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
    private readonly root: string,
  ) {
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => this.problems.push(String(error)));
    page.on('dialog', (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('console', (message) => {
      // A breach of the content security policy is an error of the console, too.
      if (message.type() === 'error' && !NETWORK.test(message.text())) this.problems.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(root)) this.problems.push(`request: ${request.url()}`);
    });
  }

  /** Opens a view of the application's dashboard, and waits until it is live. */
  static async open(browser: Browser, url: string, path: string): Promise<Tab> {
    const context = await browser.newContext();
    const tab = new Tab(await context.newPage(), context, `${url}/tasks/`);
    await tab.go(path);
    return tab;
  }

  async go(path: string): Promise<void> {
    await this.page.goto(`${this.root}${path}`);
    await this.live();
  }

  live(): Promise<void> {
    return this.page.getByText('live', { exact: true }).waitFor();
  }

  /** Waits for a text in the main part. */
  sees(text: string | RegExp): Promise<void> {
    return this.page.getByRole('main').getByText(text).first().waitFor();
  }

  /** Waits for a text in a live region. */
  says(text: string | RegExp): Promise<void> {
    return this.page.getByRole('status').getByText(text).first().waitFor();
  }

  press(name: string | RegExp): Promise<void> {
    return this.page.getByRole('button', { name, exact: true }).click();
  }

  /** Presses Tab until a control has the focus. */
  async tabTo(name: string): Promise<void> {
    for (let count = 0; count < 80; count += 1) {
      const focused = await this.page.evaluate<string>(
        '(document.activeElement.ariaLabel || document.activeElement.textContent).trim()',
      );
      if (focused === name) return;
      await this.page.keyboard.press('Tab');
    }
    throw new Error(`Tab never comes to ${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
    if (this.problems.length > 0) throw new Error(this.problems.join('\n'));
  }
}
