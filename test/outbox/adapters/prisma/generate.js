// Generates the clients of Prisma that the fixture and the types use. Prisma would download an engine for it, which changes
// schemas and generates nothing: any program does in its place.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const COMMAND = join(import.meta.dirname, '../node_modules/prisma/build/index.js');

for (const provider of ['postgresql', 'mysql', 'sqlite']) {
  const folder = join(import.meta.dirname, 'generated', provider);
  const schema = join(folder, 'schema.prisma');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    schema,
    `generator client {
  provider            = "prisma-client"
  output              = "./client"
  importFileExtension = "ts"
}
datasource db {
  provider = "${provider}"
}
model Thing {
  id Int @id
}
`,
  );
  execFileSync(process.execPath, [COMMAND, 'generate', '--schema', schema], {
    cwd: folder,
    stdio: 'pipe',
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
  });
}
