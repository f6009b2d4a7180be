// One worker of the fleet. Its settings are the first argument.
import { now } from './journal.js';
import { readSettings, startApplication } from './application.js';

const { journal } = await startApplication({ ...readSettings(), isWorker: true });

process.on('message', ({ block }) => {
  journal.write('blocking', { milliseconds: block });
  for (const end = now() + block; now() < end;);
});
journal.write('ready');
process.send('ready');
