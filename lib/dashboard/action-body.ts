import type { ActionBodies, ActionName } from '../operations/api.js';
import { executionQueryOf, nameOf } from '../operations/execution-query.js';
import { InputError } from '../operations/input-error.js';

type Kind = 'text' | 'key' | 'id' | 'task' | 'number' | 'filter';

const TARGET = { key: 'key', id: 'id' } as const;
const STRIKE = { task: 'task', parameter: 'text', operator: 'text', value: 'text' } as const;
const FILTER = {
  state: 'filter',
  task: 'filter',
  keyPrefix: 'filter',
  error: 'filter',
  kind: 'filter',
  worker: 'filter',
  since: 'filter',
  until: 'filter',
} as const;

/** Fields of each action. The compiler keeps them complete. */
const FIELDS: { readonly [A in ActionName]: Readonly<Record<keyof ActionBodies[A], Kind>> } = {
  cancel: { ...TARGET, reason: 'text' },
  retry: TARGET,
  forget: TARGET,
  'run-now': TARGET,
  'retry-all': { ...FILTER, perSecond: 'number' },
  'forget-all': FILTER,
  clear: {},
  pause: { reason: 'text' },
  resume: {},
  strike: { ...STRIKE, mode: 'text', reason: 'text', expiresIn: 'text' },
  restore: STRIKE,
};

/**
 * Reads the body of an action. A field that the action does not know is refused: a filter with a misspelled condition would
 * match more than was meant.
 *
 * @throws {InputError} naming the first field that cannot be used.
 */
export function bodyOf<A extends ActionName>(action: A, body: unknown): ActionBodies[A] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new InputError('The body', body, 'a JSON object');
  }
  const fields: Readonly<Record<string, Kind>> = FIELDS[action];
  const given = body as Readonly<Record<string, unknown>>;
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(fields, name)) {
      const known = Object.keys(fields).join(', ');
      throw new InputError(name, value, `no such field: ${action} takes ${known === '' ? 'an empty object' : known}`);
    }
  }
  const read = Object.entries(fields).flatMap(([name, kind]) => {
    const value = valueOf(name, kind, given[name]);
    return value === undefined ? [] : [[name, value] as const];
  });
  const filter = read.filter(([name]) => fields[name] === 'filter');
  return { ...Object.fromEntries(read), ...executionQueryOf(Object.fromEntries(filter)) } as ActionBodies[A];
}

function valueOf(name: string, kind: Kind, value: unknown): unknown {
  switch (kind) {
    case 'filter': // checked by executionQueryOf()
      return value;
    case 'number':
      if (value === undefined || typeof value === 'number') return value;
      throw new InputError(name, value, 'a number');
    case 'task':
      if (value === null || (typeof value === 'string' && value !== '')) return value;
      throw new InputError(name, value, 'the name of a task, or null for all tasks');
    case 'key':
      if (typeof value === 'string' && value !== '') return value;
      throw new InputError(name, value, 'the key of an execution');
    case 'id':
      return nameOf(name, value);
    case 'text':
      if (value === undefined || typeof value === 'string') return value === '' && name !== 'value' ? undefined : value;
      throw new InputError(name, value, 'a text');
  }
}
