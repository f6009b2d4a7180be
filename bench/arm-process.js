// Arms in processes of their own: none pays for the heap, the types and the AsyncLocalStorage of another.
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Starts a script that calls {@link answerParent}. Questions reject when the process ends. */
export async function startArm(script, ...args) {
  const child = fork(new URL(script, import.meta.url), args, { execArgv: ['--expose-gc'] });
  const ended = new AbortController();
  child.once('exit', (code, signal) => {
    ended.abort(new Error(`${script} ${args.join(' ')} has ended: ${signal ?? `exit code ${code}`}`));
  });
  const hear = async () => {
    const [message] = await once(child, 'message', { signal: ended.signal });
    return message;
  };
  const greeting = await hear();
  return {
    greeting,
    ask(question) {
      child.send(question);
      return hear();
    },
    async stop() {
      child.disconnect();
      await once(child, 'exit');
    },
    /** @returns the exit code, or the signal that has ended it. */
    async kill(signal) {
      child.kill(signal);
      const [code, by] = await once(child, 'exit');
      return by ?? code;
    },
  };
}

/** Tells the parent that this process is ready, and answers its questions. */
export function answerParent(greeting, answer) {
  process.on('message', async (question) => process.send(await answer(question)));
  process.on('disconnect', () => process.exit());
  process.send(greeting);
}
