import { describe, expect, it } from '@jest/globals';
import { summaryOf } from '../../site/llms.js';
import { pageOf } from '../../site/page.js';
import { addressOf } from '../../site/repository.js';

describe('a page of the site', () => {
  it('keeps links inside docs/ and sends the others to the repository', () => {
    const text =
      '[a](timing.md#when) [b](../README.md#layers) [c](#here) [d](https://example.com/../x) ![e](images/e.png)';
    expect(pageOf(text)).toBe(text.replace('../README.md#layers', addressOf('README.md#layers')));
  });

  it('rewrites definitions and attributes', () => {
    expect(pageOf('[a]: ../sample/01-orders/README.md')).toBe(`[a]: ${addressOf('sample/01-orders/README.md')}`);
    expect(pageOf('<a href="../lib/index.ts">')).toBe(`<a href="${addressOf('lib/index.ts')}">`);
  });

  it('leaves code alone', () => {
    const text = ['`[a](../b.md)`', '````md', '```', '[a](../b.md)', '```', '[a](../b.md)', '````', ''].join('\n');
    expect(pageOf(text)).toBe(text);
    expect(pageOf(`${text}[a](../b.md)`)).toBe(`${text}[a](${addressOf('b.md')})`);
  });

  it('drops the comments that only the check of code blocks reads', () => {
    expect(pageOf('before\n\n<!-- setup: declare const a: 1;\ndeclare const b: 2; -->\n\n```ts\na;\n```')).toBe(
      'before\n\n```ts\na;\n```',
    );
  });
});

describe('the summary of a page', () => {
  it('is its first sentence, without marks', () => {
    expect(summaryOf('# Title\n\nA [broker](brokers.md) keeps\nexecutions. More.\n')).toBe(
      'A broker keeps executions.',
    );
    expect(summaryOf('# Title\n\n`a.b` is a name: more.\n')).toBe('`a.b` is a name.');
  });

  it('is empty where no text follows the title', () => {
    expect(summaryOf('# Title\n\n## Next\n')).toBe('');
  });
});
