// npm run release, before it publishes: what would be wrong on npm for good.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { reasonsAgainst } from './release-reasons.js';

const read = (name) => readFileSync(join(import.meta.dirname, '..', name), 'utf8');

const reasons = reasonsAgainst(JSON.parse(read('package.json')), read('CHANGELOG.md'));
for (const reason of reasons) console.error(reason);
process.exitCode = reasons.length > 0 ? 1 : 0;
