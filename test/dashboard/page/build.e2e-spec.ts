import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';

const BUILT = join(import.meta.dirname, '../../../dist/dashboard/page');
const read = (file: string): Promise<string> => readFile(join(BUILT, file), 'utf8');
const zipped = async (file: string): Promise<number> => gzipSync(await read(file)).length;

describe('the built page', () => {
  it('has files of fixed names, which the server knows', async () => {
    const files = await readdir(BUILT, { recursive: true });
    const assets = ['app.css', 'app.js', 'icon.svg', 'licences.txt'].map((name) => join('assets', name));
    expect(files.toSorted()).toEqual(['assets', ...assets, 'index.html']);
  });

  it('is small', async () => {
    expect(await zipped('assets/app.js')).toBeLessThan(60_000);
    expect(await zipped('assets/app.css')).toBeLessThan(8_000);
  });

  it('has nothing inline, and nothing from elsewhere', async () => {
    const index = await read('index.html');
    expect(index).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]* src=)|javascript:|data:/i);
    const named = [...index.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
    expect(named.toSorted()).toEqual(['./assets/app.css', './assets/app.js', './assets/icon.svg']);
    for (const file of ['assets/app.js', 'assets/app.css'])
      expect(await read(file)).not.toMatch(/\bdata:\w+\/|@import/);
  });

  it('names the licences of what is bundled', async () => {
    const text = await read('assets/licences.txt');
    for (const name of ['preact', 'uPlot']) expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+$`, 'm'));
    expect(text.match(/Permission is hereby granted, free of charge/g)).toHaveLength(2);
  });
});
