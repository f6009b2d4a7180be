// npm run screenshots: pictures of the shop (sample 01) and its dashboard in docs/images; with --all light and dark, wide and
// 375 px. It takes some minutes: the charts of the dashboard have a point for each.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import sharp from 'sharp';
import { startBrowser } from '../test/support/browser.js';

const ROOT = join(import.meta.dirname, '..');
const IMAGES = join(ROOT, 'docs/images');

/** What the script knows of the page. */
const SHOP = {
  address: /http:\/\/localhost:(\d+)/,
  card: (page) => page.getByLabel('Card'),
  declined: '4000000000000002',
  order: (page) => page.getByRole('button', { name: 'Order', exact: true }),
  /** Time after which the response of an order is sent and its tasks run. */
  underway: 1_200,
};

/** Minutes of work that the charts of the dashboard show. */
const MINUTES = 4;

const COLORS = ['light', 'dark'];
const WIDTHS = { wide: { width: 1_280, height: 800 }, narrow: { width: 375, height: 812 } };

/** In this order, in one shop: what a visitor sees one after the other. */
const SHOP_SCENES = {
  'shop-declined': async (page) => {
    await SHOP.card(page).selectOption(SHOP.declined);
    await SHOP.order(page).click();
    await settled(page);
  },
  'shop-running': async (page) => {
    await page.reload();
    await SHOP.order(page).click();
    await wait(SHOP.underway);
  },
  'shop-shutdown': async (page, { shop }) => {
    await settled(page);
    await SHOP.order(page).click();
    await wait(SHOP.underway);
    shop.kill('SIGINT');
    await settled(page);
  },
};

/** In another shop, whose buttons have filled the dashboard. */
const DASHBOARD_SCENES = {
  'dashboard-overview': async (page, { url }) => {
    await work(page);
    await page.goto(`${url}/tasks/overview`);
    await page.getByText(/ executions of parcels.announce failed/).waitFor();
  },
  'dashboard-failures': async (page, { url }) => {
    await page.goto(`${url}/tasks/failures`);
    await page.getByRole('table', { name: 'Failures by task and kind of error' }).waitFor();
  },
  'dashboard-execution': async (page, { url }) => {
    await page.goto(`${url}/tasks/execution?key=parcel:${MINUTES * 500}`);
    await page.getByText('attempt 1 failed').waitFor();
  },
  'dashboard-limits': async (page, { url }) => {
    await page.goto(url);
    await press(page, 'Order 20 invoices');
    await page.goto(`${url}/tasks/limits`);
    await page.getByText('invoices.print by customerId = bookworm').waitFor();
  },
};

/** Presses the buttons of the shop, once a minute. In the last one, the partner is broken. */
async function work(page) {
  for (let minute = 1; minute <= MINUTES; minute++) {
    const ends = wait(60_000);
    if (minute === MINUTES) await press(page, 'Break the partner');
    for (const name of ['Send 500 parcels', 'Strike Ann, and recommend', 'Take stock']) await press(page, name);
    await ends;
  }
}

function press(page, name) {
  return page.getByRole('button', { name, exact: true }).click();
}

/** Pictures that the documentation shows. With --all, the script takes every scene in each width and color scheme. */
const SHOWN = new Set(
  ['shop-running', 'shop-shutdown', ...Object.keys(DASHBOARD_SCENES)].map((name) => `${name}-wide-light`),
);
const isAll = process.argv.includes('--all');

async function startShop(folder) {
  const shop = spawn(process.execPath, [join(ROOT, 'sample/dist/01-orders/main.js')], {
    env: { ...process.env, PORT: '0', DATA_DIR: folder, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  shop.stderr.pipe(process.stderr);
  for await (const line of createInterface({ input: shop.stdout })) {
    const [, port] = SHOP.address.exec(line) ?? [];
    if (port === undefined) continue;
    shop.stdout.resume();
    // From here on, its errors are those of the scenes.
    shop.stderr.unpipe();
    shop.stderr.resume();
    return { shop, url: `http://localhost:${port}` };
  }
  throw new Error('The shop ended before it named its address.');
}

/** Waits until the page reads the same for three seconds, for at most twenty. */
async function settled(page) {
  let before = '';
  let since = performance.now();
  const end = since + 20_000;
  while (performance.now() < Math.min(since + 3_000, end)) {
    const text = await page.locator('body').innerText();
    if (text !== before) since = performance.now();
    before = text;
    await wait(200);
  }
}

async function take(page, name) {
  for (const [width, size] of Object.entries(WIDTHS)) {
    for (const colorScheme of COLORS) {
      if (!isAll && !SHOWN.has(`${name}-${width}-${colorScheme}`)) continue;
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const file = join(IMAGES, `${name}-${width}-${colorScheme}.png`);
      // With a palette, a third of the size.
      await sharp(await page.screenshot(await shotOf(page)))
        .png({ palette: true, compressionLevel: 9 })
        .toFile(file);
      console.log(relative(ROOT, file));
    }
  }
}

/** The whole page; of the shop, the part with the orders. */
async function shotOf(page) {
  const end = await page
    .locator('.durable')
    .boundingBox({ timeout: 500 })
    .catch(() => null);
  if (end === null) return { fullPage: true };
  return { fullPage: true, clip: { x: 0, y: 0, width: page.viewportSize().width, height: Math.floor(end.y) } };
}

async function visit(browser, scenes) {
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-shop-'));
  const visited = await startShop(folder);
  const exited = once(visited.shop, 'exit');
  try {
    const page = await browser.newPage({ deviceScaleFactor: 2, viewport: WIDTHS.wide });
    await page.goto(visited.url);
    for (const [name, play] of Object.entries(scenes)) {
      await play(page, visited);
      await take(page, name);
    }
    await page.close();
  } finally {
    visited.shop.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

mkdirSync(IMAGES, { recursive: true });
const browser = await startBrowser();
try {
  await visit(browser, SHOP_SCENES);
  await visit(browser, DASHBOARD_SCENES);
} finally {
  await browser.close();
}
