import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { pageFolder } from '../../lib/dashboard/page-folder.js';
import { usageError } from '../support/usage-error.js';

const ROOT = mkdtempSync(join(tmpdir(), 'page-folder-'));
afterAll(() => rmSync(ROOT, { recursive: true }));

/** Makes a folder with the page in it. */
function withPage(...path: string[]): string {
  const folder = join(ROOT, ...path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  return folder;
}

/** Stands for `require` of a place from which the package is at `manifest`, or out of reach. */
function requireOf(manifest: string | undefined): NodeJS.Require {
  const resolve = (): string => {
    if (manifest === undefined) throw new Error('Cannot find module');
    return manifest;
  };
  return { resolve } as unknown as NodeJS.Require;
}

const NOWHERE = pathToFileURL(join(ROOT, 'bundle.mjs')).href;

describe('the folder of the page', () => {
  it('is that of the repository, for its sources', () => {
    const folder = withPage('repository', 'dist', 'dashboard', 'page');
    const own = pathToFileURL(join(ROOT, 'repository', 'lib', 'package', 'places.ts')).href;
    expect(pageFolder(own, [])).toBe(folder);
  });

  it.each([NOWHERE, 'data:text/javascript,1'])('is that of the installed package, for a bundle at %s', (own) => {
    const folder = withPage('app', 'node_modules', 'nestjs-tasks', 'dist', 'dashboard', 'page');
    const manifest = join(ROOT, 'app', 'node_modules', 'nestjs-tasks', 'package.json');
    expect(pageFolder(own, [requireOf(undefined), requireOf(manifest)])).toBe(folder);
  });

  it('is missing with a remedy', () => {
    const find = (): unknown => pageFolder(NOWHERE, []);
    expect(find).toThrow(usageError('PAGE_MISSING'));
    expect(find).toThrow('The dashboard needs the files of its page. Run npm run build');
  });
});
