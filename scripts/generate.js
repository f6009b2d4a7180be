/**
 * Writes the modules that hold the Lua and SQL of the brokers. `--check` writes nothing, and fails where one is not what
 * the files make of it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { DATABASES, moduleOf } from './database-scripts.js';

const isCheck = process.argv.includes('--check');

for (const database of DATABASES) {
  const { path } = database;
  const module = moduleOf(database);
  if (!isCheck) writeFileSync(path, module);
  else if (readFileSync(path, 'utf8') !== module) {
    console.error(`${relative('.', path)} is older than its ${database.language} files. Run \`npm run generate\`.`);
    process.exitCode = 1;
  }
}
