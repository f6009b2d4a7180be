#!/usr/bin/env node
import { runProgram } from './program.js';
import { Terminal } from './terminal.js';

// `nestjs-tasks history | head`: a reader that has seen enough is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

const terminal = new Terminal();
process.exitCode = await runProgram(process.argv.slice(2), terminal);
await terminal.flush();
// Clients of a server that has gone may linger for seconds.
process.exit();
