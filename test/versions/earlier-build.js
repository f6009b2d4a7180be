// The library of an earlier commit, built in a git worktree of its own.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const TSC = join(ROOT, 'node_modules/.bin/tsc');

function git(...args) {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** @returns the full name of the commit; nothing where this clone does not have it. */
export function findCommit(name) {
  try {
    return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`);
  } catch {
    return undefined;
  }
}

/** Builds a commit with the packages that are installed here. `remove()` takes the worktree away. */
export function buildCommit(commit) {
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-versions-'));
  const tree = join(folder, 'tree');
  const remove = () => {
    if (existsSync(tree)) git('worktree', 'remove', '--force', tree);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    git('worktree', 'add', '--detach', tree, commit);
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
    execFileSync(TSC, ['-p', 'tsconfig.build.json'], { cwd: tree, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    remove();
    throw error;
  }
  return { library: join(tree, 'build'), remove };
}

/** The library as it is here. `npm run build` has built it. */
export const CURRENT = join(ROOT, 'build');
