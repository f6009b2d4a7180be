// What tsc leaves behind: the pages of the samples.
import { cpSync, existsSync, readdirSync } from 'node:fs';

for (const sample of readdirSync(import.meta.dirname)) {
  const assets = `${import.meta.dirname}/${sample}/public`;
  if (existsSync(assets)) cpSync(assets, `${import.meta.dirname}/dist/${sample}/public`, { recursive: true });
}
