// The tasks of the fleet. Each writes down when it begins and how it ends, under an id that no other addition has.
import { setTimeout as sleep } from 'node:timers/promises';
import { ConcurrencyLimit, Durable, Perpetual } from '../../dist/index.js';

export const EVERY = 800;
export const AUTOMATIC_EVERY = 1_000;
export const ATTEMPTS = 4;
const RETRY_DELAY = 300;

let runs = 0;

/** @param options `isLast`: a deploy that does not know the automatic task any more. */
export function declareTasks({ journal, contextOf, isLast }) {
  async function perform(id, fields, work) {
    const { key, attempt, signal } = contextOf();
    const run = `${journal.who}/${(runs += 1)}`;
    const of = { run, id, key };
    journal.write('begin', { ...of, attempt, attempts: 1, ...fields, isAborted: signal.aborted });
    signal.addEventListener('abort', () => journal.write('abort', { ...of, why: reasonsOf(signal.reason) }));
    try {
      const value = await work({ signal, attempt });
      journal.write('end', { ...of, how: 'ok' });
      return value;
    } catch (error) {
      journal.write('end', { ...of, how: isAbort(error) ? 'aborted' : 'threw', error: error?.name });
      throw error;
    }
  }

  class ChaosTasks {
    plain(id, ms) {
      return perform(id, { task: 'plain' }, () => sleep(ms));
    }

    retried(id, ms, fails) {
      return perform(id, { task: 'retried', attempts: ATTEMPTS }, async ({ attempt }) => {
        await sleep(ms);
        if (attempt <= fails) throw new Error(`attempt ${attempt} fails`);
      });
    }

    limitedToOne(id, pool, ms) {
      return perform(id, { task: 'limitedToOne', pool, max: 1 }, () => sleep(ms));
    }

    limitedToThree(id, pool, ms) {
      return perform(id, { task: 'limitedToThree', pool, max: 3 }, () => sleep(ms));
    }

    long(id, ms) {
      return perform(id, { task: 'long' }, () => sleep(ms));
    }

    shielded(id, ms) {
      return perform(id, { task: 'shielded' }, () => sleep(ms));
    }

    listening(id, ms) {
      return perform(id, { task: 'listening' }, async ({ signal }) => {
        // A task may ask its context in a listener of its signal.
        signal.addEventListener('abort', () => contextOf().attempt);
        await sleep(ms, undefined, { signal });
      });
    }

    held(id, group, ms) {
      return perform(id, { task: 'held', group }, () => sleep(ms));
    }

    part(id, ms, isFailing) {
      return perform(id, { task: 'part' }, async ({ signal }) => {
        await sleep(ms, undefined, { signal });
        if (isFailing) throw new Error(`${id} fails`);
        return id;
      });
    }

    finalize(id, ms) {
      const outcomes = contextOf().outcomes.map(({ key, status, value, error }) => ({
        key,
        status,
        value,
        error: error && `${error.name}: ${error.message}`,
      }));
      return perform(id, { task: 'finalize', outcomes }, () => sleep(ms));
    }

    tick(chain, number, ms) {
      contextOf().perpetual.perpetuate(chain, number + 1, ms);
      return perform(`${chain}+${number}`, { task: 'tick', chain, number }, async () => {
        await sleep(ms);
        if (number % 7 === 3) throw new Error(`tick ${number} fails`);
      });
    }

    /** One that the queue drops and begins again counts from 0 again. */
    automatic(number = 0, generation = `${journal.who}/${runs}`) {
      contextOf().perpetual.perpetuate(number + 1, generation);
      const id = `automatic ${generation}+${number}`;
      return perform(id, { task: 'automatic', chain: 'automatic', number }, () => sleep(50));
    }

    poison(id) {
      return perform(id, { task: 'poison' }, () => {
        journal.write('dying', { id });
        process.kill(process.pid, 'SIGKILL');
        for (;;); // the signal is on its way
      });
    }
  }

  // Decorators, called as TypeScript would.
  const { prototype } = ChaosTasks;
  const decorate = (name, ...decorators) => {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    for (const decorator of decorators) decorator(prototype, name, descriptor);
  };
  ConcurrencyLimit(1)(prototype, 'limitedToOne', 1);
  ConcurrencyLimit(3)(prototype, 'limitedToThree', 1);
  for (const name of [
    'plain',
    'limitedToOne',
    'limitedToThree',
    'long',
    'listening',
    'held',
    'part',
    'finalize',
    'poison',
  ]) {
    decorate(name, Durable(`chaos.${name}`));
  }
  const retry = { attempts: ATTEMPTS, delay: RETRY_DELAY, backoff: 'fixed' };
  decorate('retried', Durable('chaos.retried', { retry }));
  decorate('shielded', Durable('chaos.shielded', { shield: true }));
  decorate('tick', Durable('chaos.tick'), Perpetual({ every: EVERY }));
  if (!isLast)
    decorate('automatic', Durable('chaos.automatic'), Perpetual({ every: AUTOMATIC_EVERY, automatic: true }));
  return ChaosTasks;
}

function isAbort(error) {
  return error?.name === 'AbortError';
}

/** Names of what has aborted a signal, from the outside in. */
function reasonsOf(reason) {
  const names = [];
  for (let one = reason; one !== undefined && one !== null && names.length < 4; one = one.reason ?? one.cause) {
    names.push(one instanceof Error ? one.name : String(one).slice(0, 80));
  }
  return names;
}
