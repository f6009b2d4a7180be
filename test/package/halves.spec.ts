import { describe, expect, it } from '@jest/globals';
import { Halves } from '../../lib/package/halves.js';
import { usageError } from '../support/usage-error.js';

/** Makes the copies of one process. */
function process(): (format: 'esm' | 'cjs', version?: string) => Halves {
  const loaded = new Set<never>();
  return (format, version = '1.0.0') => new Halves(format, version, loaded);
}

describe('two halves of the package in one process', () => {
  it('are refused where the module is set up after both are loaded', () => {
    const half = process();
    const [esm, cjs] = [half('esm'), half('cjs')];
    cjs.load();
    esm.load();
    expect(() => esm.setUp()).toThrow(usageError('TWO_HALVES'));
    expect(() => esm.setUp()).toThrow(
      "This process loads nestjs-tasks 1.0.0 twice: its ES module (import 'nestjs-tasks') and its CommonJS half (require('nestjs-tasks')).",
    );
  });

  it('are refused where the second is loaded after the module is set up', () => {
    const half = process();
    const cjs = half('cjs');
    cjs.load();
    cjs.setUp();
    expect(() => half('esm').load()).toThrow(usageError('TWO_HALVES'));
  });

  it('are let be while no module is set up', () => {
    const half = process();
    expect(() => [half('cjs'), half('esm')].forEach((each) => each.load())).not.toThrow();
  });

  it('are let be where they are of one format, as a reset of modules makes them', () => {
    const half = process();
    for (const cjs of [half('cjs'), half('cjs')]) {
      cjs.load();
      expect(() => cjs.setUp()).not.toThrow();
    }
  });

  it('are let be where they are of two versions, as two packages may have them', () => {
    const half = process();
    for (const each of [half('cjs', '1.0.0'), half('esm', '2.0.0')]) {
      each.load();
      expect(() => each.setUp()).not.toThrow();
    }
  });

  it('share what is loaded through the global object', () => {
    const [cjs, esm] = [new Halves('cjs', 'test'), new Halves('esm', 'test')];
    cjs.load();
    esm.load();
    expect(() => cjs.setUp()).toThrow(usageError('TWO_HALVES'));
    expect(Object.keys(globalThis)).not.toContain('nestjs-tasks:halves');
  });
});
