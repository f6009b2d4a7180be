/** Checks the Lua and SQL of the brokers, as the servers get them, and the words of doc comments and messages. */
import { relative } from 'node:path';
import { checkComments } from './comment-check.js';
import { assemble, DATABASES, textsOf } from './database-scripts.js';
import { checkLua } from './lua-check.js';
import { checkMessages } from './message-check.js';
import { checkFunctions, checkSql } from './sql-check.js';

const CHECKS = { Lua: checkLua, SQL: checkSql };

function report(where, problems) {
  for (const problem of problems) console.error(`${where}: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

for (const database of DATABASES) {
  const texts = textsOf(database).filter(({ isExported }) => isExported);
  for (const text of texts) {
    report(`${relative('.', text.file)} (${text.name})`, CHECKS[database.language](assemble(text)));
  }
  if (database.language === 'SQL') report(database.folder, checkFunctions(texts.map(assemble)));
}

report('doc comments', checkComments());
report('messages', checkMessages());
