import type { Browser } from 'playwright-core';

/** Starts a headless browser with nothing in it. */
export function startBrowser(): Promise<Browser & AsyncDisposable>;
