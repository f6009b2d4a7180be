import { loadModule, parsePlPgSQLSync, parseSync } from 'libpg-query';

await loadModule();

const FUNCTION = /\bnestjs_tasks_[a-z_]+_v\d+\b/g;

/** Returns what is wrong with a statement, or several: by PostgreSQL's own parsers of SQL and PL/pgSQL. */
export function checkSql(source) {
  try {
    parseSync(source);
    if (source.includes('LANGUAGE plpgsql') || /^DO\b/m.test(source)) parsePlPgSQLSync(source);
    return [];
  } catch (error) {
    return [error.message];
  }
}

/** Returns what is wrong with the functions of several statements: each is defined, and all are of one version. */
export function checkFunctions(sources) {
  const text = sources.join('\n');
  const used = new Set(text.match(FUNCTION));
  const defined = new Set([...text.matchAll(/CREATE OR REPLACE FUNCTION (\w+)/g)].map(([, name]) => name));
  const versions = new Set([...used].map((name) => name.replace(/.*_/, '')));
  const missing = [...used].filter((name) => !defined.has(name)).map((name) => `${name} is defined nowhere`);
  return versions.size > 1 ? [...missing, `functions are of versions ${[...versions].join(', ')}`] : missing;
}
