import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { installCommand } from './install-command.js';
import { isExecutable, programOnPath } from './program-on-path.js';
import { isBrowserShipped, unpackBrowser } from './shipped-browser.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/**
 * Chromium or Chrome: that of CHROME_PATH, else one on the PATH, else where it is installed by default, else the one that
 * ships in an npm package, unpacked into this folder.
 */
async function findBrowser(folder) {
  const installed =
    process.env.CHROME_PATH || programOnPath(NAMES, process.env.PATH) || ELSEWHERE.find((path) => isExecutable(path));
  if (installed !== undefined) return { path: installed, env: {} };
  if (isBrowserShipped()) return unpackBrowser(folder);
  throw new Error(
    `The browser tests found no Chromium or Chrome. Install one (${installCommand('browser')}), or set CHROME_PATH to it.`,
  );
}

/** Starts a headless browser with nothing in it. */
export async function startBrowser() {
  const home = mkdtempSync(join(tmpdir(), 'nestjs-tasks-browser-'));
  try {
    const { path, env } = await findBrowser(home);
    const browser = await chromium.launch({
      executablePath: path,
      // Containers run as root and often without a GPU or a large /dev/shm.
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--disable-background-networking',
        '--disable-sync',
        '--no-first-run',
      ],
      env: { ...process.env, HOME: home, ...env },
    });
    browser.on('disconnected', () => rmSync(home, { recursive: true, force: true }));
    return browser;
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}
