/**
 * Writes the modules that hold the Lua and SQL of the brokers, and the addresses that follow from `repository` in
 * package.json. `--check` writes nothing, and fails where one is not what the files make of it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { filesWithAddresses } from './addresses.js';
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

for (const { path, text, wanted } of filesWithAddresses()) {
  if (text === wanted) continue;
  if (!isCheck) writeFileSync(path, wanted);
  else {
    console.error(`${relative('.', path)} names another repository than package.json. Run \`npm run generate\`.`);
    process.exitCode = 1;
  }
}
