import { describe, expect, it } from '@jest/globals';
import { GROUPS, mistakesIn, pagesOf, titleOf } from '../../site/contents.js';

describe('the contents of the site', () => {
  it('list every page of docs/ once', () => {
    expect(mistakesIn(GROUPS, pagesOf())).toEqual([]);
    expect(pagesOf().length).toBeGreaterThan(10);
  });

  it('name a page without a group, a name without a page and a name that stands twice', () => {
    const groups = [
      { text: 'First', pages: ['timing', 'gone'] },
      { text: 'Second', pages: ['timing'] },
    ];
    expect(mistakesIn(groups, ['timing', 'new'])).toEqual([
      'docs/new.md stands in no group',
      'docs/gone.md is listed and does not exist',
      'docs/timing.md is listed twice',
    ]);
  });

  it('take the titles from the pages', () => {
    expect(titleOf('faq')).toBe('Frequently asked questions');
    expect(() => titleOf('absent')).toThrow('ENOENT');
  });
});
