import { describe, expect, it } from '@jest/globals';
import { hasColours } from '../../lib/cli/paint.js';
import { serverName } from '../../lib/cli/server-name.js';
import { shownLines, withoutCredentials } from '../../lib/cli/shown-text.js';

describe('texts of the command line', () => {
  it('show no user and no password of a URL', () => {
    expect(withoutCredentials("unknown option '--urll=redis://ada:s3cr@t@host/1' near rediss://x:y@z")).toBe(
      "unknown option '--urll=redis://…@host/1' near rediss://…@z",
    );
    expect(withoutCredentials('mail ada@example.com at https://example.com/x')).toBe(
      'mail ada@example.com at https://example.com/x',
    );
  });

  it('keep line breaks of the program, and escape everything else', () => {
    expect(shownLines('a\nb\u001b]0;x\u0007\tc')).toBe('a\nb\\u001b]0;x\\u0007\\u0009c');
  });

  it.each([
    ['redis://:s3cret@cache:6380/1', 'Redis at cache:6380'],
    ['rediss://cache', 'Redis at cache:6379'],
    ['postgres://u:s3cret@db/app', 'PostgreSQL at db:5432'],
    ['mysql://u:s3cret@db/app', 'MySQL at db:3306'],
    ['mysql://[::1]:3307/app', 'MySQL at [::1]:3307'],
    ['not a url', 'the server'],
  ])('name the server of %s', (url, name) => {
    expect(serverName(url)).toBe(name);
  });
});

describe('colours', () => {
  it.each([
    ['a terminal', { isTTY: true }, {}, true],
    ['a pipe', {}, {}, false],
    ['NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR', { isTTY: true }, { NO_COLOR: '' }, true],
    ['a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
    ['FORCE_COLOR in a pipe', {}, { FORCE_COLOR: '1' }, true],
    ['FORCE_COLOR over NO_COLOR', {}, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    ['FORCE_COLOR=0', { isTTY: true }, { FORCE_COLOR: '0' }, false],
  ])('are as %s says', (_name, stream, env, expected) => {
    expect(hasColours(stream, env)).toBe(expected);
  });
});
