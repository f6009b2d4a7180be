/** Reasons not to publish this package, one line each, with the remedy. */
export function reasonsAgainst({ version, repository }, changelog) {
  const reasons = [];
  if (/^git\+https:\/\/[^/]*\.example\//.test(repository.url)) {
    reasons.push(
      `repository.url of package.json is the placeholder ${repository.url}. Fill in the repository and run \`npm run generate\`.`,
    );
  }
  // "## 1.2.3" of changesets or "## [1.2.3] - 2026-01-31" of Keep a Changelog.
  const headings = changelog.split('\n').map((line) => /^## \[?([^\]\s]+)/.exec(line)?.[1]);
  if (!headings.includes(version)) {
    reasons.push(`CHANGELOG.md has no heading for version ${version}. Run \`npm run release:version\`.`);
  }
  return reasons;
}
