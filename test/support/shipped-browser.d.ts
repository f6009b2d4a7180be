/** Program of a browser, and the variables that it needs. */
export interface BrowserProgram {
  path: string;
  env: Record<string, string>;
}

/** Whether the browser of @sparticuz/chromium runs here. */
export function isBrowserShipped(): boolean;

/** Unpacks the browser of @sparticuz/chromium into this folder, with the libraries and fonts that a bare system lacks. */
export function unpackBrowser(folder: string): Promise<BrowserProgram>;
