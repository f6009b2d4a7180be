import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const KEEPER = fileURLToPath(new URL('keeper.js', import.meta.url));

/**
 * Starts a server that ends with this process, however this process ends: a keeper, a process of its own, holds the
 * server and its folder as long as the channel to it is open. (Handlers of signals would not see a kill, and would
 * change how the process of Jest ends.)
 */
export async function keep(module, { source, env, args = [] }) {
  const keeper = fork(KEEPER, [module, ...args], {
    env,
    execArgv: [],
    // In its own process group: Ctrl-C is for the tests, which end the keeper by ending.
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const exited = once(keeper, 'exit');
  const [answer] = await Promise.race([
    once(keeper, 'message'),
    exited.then(([code, signal]) => [{ error: `its keeper ended with ${code ?? signal}` }]),
  ]);
  if (answer.error !== undefined) {
    await exited;
    throw new Error(answer.error);
  }
  // Who forgets stop() still ends.
  keeper.unref();
  keeper.channel.unref();

  return {
    url: answer.url,
    source,
    async stop() {
      keeper.ref();
      if (keeper.connected) keeper.disconnect();
      await exited;
    },
  };
}
