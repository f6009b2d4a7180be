import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as library from 'nestjs-tasks';
import * as dashboard from 'nestjs-tasks/dashboard';
import * as outbox from 'nestjs-tasks/outbox';
import * as testing from 'nestjs-tasks/testing';

const PAGES = ['README.md', ...readdirSync('docs').map((name) => join('docs', name))].filter((path) =>
  path.endsWith('.md'),
);
const WORDS = new Set(PAGES.flatMap((path) => readFileSync(path, 'utf8').match(/\w+/g) ?? []));

describe('the documentation', () => {
  it.each([
    ['nestjs-tasks', library],
    ['nestjs-tasks/dashboard', dashboard],
    ['nestjs-tasks/outbox', outbox],
    ['nestjs-tasks/testing', testing],
  ])('names all that %s exports', (_name, exported) => {
    const names = Object.keys(exported);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !WORDS.has(name))).toEqual([]);
  });
});
