// npm run screenshots: pictures of the shop (sample 01) in docs/images; with --all light and dark, wide and 375 px.
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

const COLORS = ['light', 'dark'];
const WIDTHS = { wide: { width: 1_280, height: 800 }, narrow: { width: 375, height: 812 } };

/** In this order, in one shop: what a visitor sees one after the other. */
const SCENES = {
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
  'shop-shutdown': async (page, shop) => {
    await settled(page);
    await SHOP.order(page).click();
    await wait(SHOP.underway);
    shop.kill('SIGINT');
    await settled(page);
  },
};

/** Pictures that the documentation shows. With --all, the script takes every scene in each width and color scheme. */
const SHOWN = new Set(['shop-running-wide-light', 'shop-shutdown-wide-light']);
const isAll = process.argv.includes('--all');

async function startShop(folder) {
  const shop = spawn(process.execPath, [join(ROOT, 'sample/dist/01-orders/main.js')], {
    env: { ...process.env, PORT: '0', DATA_DIR: folder, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: shop.stdout })) {
    const [, port] = SHOP.address.exec(line) ?? [];
    if (port === undefined) continue;
    shop.stdout.resume();
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
      await sharp(await page.screenshot({ fullPage: true }))
        .png({ palette: true, compressionLevel: 9 })
        .toFile(file);
      console.log(relative(ROOT, file));
    }
  }
}

const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-shop-'));
mkdirSync(IMAGES, { recursive: true });
const { shop, url } = await startShop(folder);
const exited = once(shop, 'exit');
const browser = await startBrowser();
try {
  const page = await browser.newPage({ deviceScaleFactor: 2, viewport: WIDTHS.wide });
  await page.goto(url);
  for (const [name, play] of Object.entries(SCENES)) {
    await play(page, shop);
    await take(page, name);
  }
} finally {
  await browser.close();
  shop.kill('SIGKILL');
  await exited;
  rmSync(folder, { recursive: true, force: true });
}
