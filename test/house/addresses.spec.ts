import { describe, expect, it } from '@jest/globals';
import { addressOfRepository, formsWithAddresses, packageWithAddresses } from '../../scripts/addresses.js';
import { reasonsAgainst } from '../../scripts/release-reasons.js';

const URL = 'git+https://github.com/a/b.git';

describe('the addresses of the repository', () => {
  it('follow from repository.url', () => {
    const before = `{
  "repository": { "type": "git", "url": "${URL}" },
  "homepage": "https://github.example/publisher/nestjs-tasks#readme",
  "bugs": "https://github.example/publisher/nestjs-tasks/issues"
}`;
    expect(JSON.parse(packageWithAddresses(before))).toMatchObject({
      homepage: 'https://github.com/a/b#readme',
      bugs: 'https://github.com/a/b/issues',
    });
    expect(
      formsWithAddresses('  - name: x\n    url: https://old.example/o/n/security\n', addressOfRepository(URL)),
    ).toBe('  - name: x\n    url: https://github.com/a/b/security\n');
  });

  it('have one form', () => {
    expect(() => addressOfRepository('git@github.com:a/b.git')).toThrow(/repository\.url .* Give it the form/);
  });
});

describe('a release', () => {
  it('is refused with the placeholder of the repository', () => {
    const repository = { url: 'git+https://github.example/publisher/nestjs-tasks.git' };
    expect(reasonsAgainst({ version: '1.2.3', repository }, '## 1.2.3\n')).toEqual([
      expect.stringContaining('is the placeholder git+https://github.example/publisher/nestjs-tasks.git'),
    ]);
  });

  it('is refused without an entry in the changelog', () => {
    const manifest = { version: '1.2.3', repository: { url: URL } };
    expect(reasonsAgainst(manifest, '## [Unreleased]\n\n## 1.2.30\n')).toEqual([
      'CHANGELOG.md has no heading for version 1.2.3. Run `npm run release:version`.',
    ]);
    expect(reasonsAgainst(manifest, '## 1.2.3\n')).toEqual([]);
    expect(reasonsAgainst(manifest, '## [1.2.3] - 2026-01-31\n')).toEqual([]);
  });
});
