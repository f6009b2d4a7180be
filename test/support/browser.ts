import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Chromium or Chrome: that of CHROME_PATH, else one on the PATH, else where it is installed by default. */
function findBrowser(): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  const found = [process.env.CHROME_PATH ?? '', ...candidates, ...ELSEWHERE].find(isExecutable);
  if (found === undefined) {
    throw new Error(
      'The browser tests need Chromium or Chrome: install one (Debian and Ubuntu: apt-get install chromium; macOS: brew install --cask google-chrome), or set CHROME_PATH to it.',
    );
  }
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return path !== '';
  } catch {
    return false;
  }
}

/** Starts a headless browser with nothing in it. */
export async function startBrowser(): Promise<Browser & AsyncDisposable> {
  const home = mkdtempSync(join(tmpdir(), 'nestjs-tasks-browser-'));
  const browser = await chromium.launch({
    executablePath: findBrowser(),
    // Containers run as root and often without a GPU or a large /dev/shm.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-sync',
      '--no-first-run',
    ],
    env: { ...process.env, HOME: home } as Record<string, string>,
  });
  browser.on('disconnected', () => rmSync(home, { recursive: true, force: true }));
  return browser;
}
