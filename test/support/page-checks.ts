import { expect } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** Each width with one of the schemes: colours are the same at all widths, and the rest in both schemes. */
const looks = (wide: number): readonly { width: number; colorScheme: 'light' | 'dark' }[] => [
  { width: wide, colorScheme: 'light' },
  { width: 375, colorScheme: 'dark' },
];

/** Violations of axe-core's rules in the page as it stands, a line each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source); // a script tag would need a hole in the page's content security policy
  return page.evaluate<string[]>(`
    Promise.all(document.getAnimations().map(({ finished }) => finished))
      .then(() => axe.run({ resultTypes: ['violations'] }))
      .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target)))
  `);
}

/** That the page has no violation and does not scroll sideways, wide in light and narrow in dark. */
export async function expectSoundPage(page: Page, wide = 1_280): Promise<void> {
  const size = page.viewportSize();
  for (const { width, colorScheme } of looks(wide)) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect({ width, colorScheme, violations: await violations(page) }).toEqual({ width, colorScheme, violations: [] });
  }
  await page.emulateMedia({ colorScheme: null });
  if (size !== null) await page.setViewportSize(size);
}
