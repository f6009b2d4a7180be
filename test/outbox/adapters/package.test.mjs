import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, it } from 'node:test';

const DIST = join(import.meta.dirname, '../../../dist');
const IMPORT = /(?:\bfrom|\bimport|require\()\s*["'](\.[^"']+)["']/g;

/** Returns the files that a file of dist/ loads, itself included, and their texts. */
function loadedBy(file, found = new Map()) {
  if (found.has(file)) return found;
  const text = readFileSync(file, 'utf8');
  found.set(file, text);
  for (const [, specifier] of text.matchAll(IMPORT)) loadedBy(resolve(dirname(file), specifier), found);
  return found;
}

describe('the package', () => {
  for (const half of ['.', 'cjs']) {
    it(`loads no adapter without an outbox (${half})`, () => {
      const texts = [...loadedBy(join(DIST, half, 'index.js')).values()];
      assert.ok(texts.length > 1);
      assert.ok(texts.every((text) => !text.includes('function fromPg')));
      assert.ok([...loadedBy(join(DIST, half, 'outbox/index.js')).values()].some((text) => text.includes('fromPg')));
    });
  }
});
