import { messageOf } from '../../task/error-text.js';
import { isError } from '../../task/task-errors.js';

import { MAX_CAUSES, MAX_ERRORS } from '../broker/stored.js';
import type { StoredError } from '../broker/record.js';

/** Limits of what is stored of an error, in characters. */
const LONGEST = { name: 200, text: 8_000 };

type Fields = Readonly<Record<string, unknown>>;

/** Copies an error for the store, with long texts cut. Of a thrown object, the copy has the fields that errors have. */
export function storeError(error: unknown): StoredError {
  return store(error, 0, { left: MAX_ERRORS });
}

/** @param errors number of errors of AggregateErrors that may still come, at all levels. */
function store(error: unknown, depth: number, errors: { left: number }): StoredError {
  if (typeof error !== 'object' || error === null)
    return { name: 'Error', message: cut(messageOf(error), LONGEST.text) };
  try {
    const { name, message, stack, cause, code, status } = error as Fields;
    const isOne = isError(error);
    const response = responseOf(error as Fields);
    return {
      name: isOne || typeof name === 'string' ? cut(String(name), LONGEST.name) : 'Error',
      message: cut(isOne || typeof message === 'string' ? String(message) : messageOf(error), LONGEST.text),
      ...(isOne && typeof stack === 'string' && { stack: cut(stack, LONGEST.text) }),
      ...(typeof code === 'string' && { code: cut(code, LONGEST.name) }),
      ...(isNumber(code) && { code }),
      ...(isNumber(status) && { status }),
      ...(response !== undefined && { response }),
      ...(cause !== undefined && depth < MAX_CAUSES && { cause: store(cause, depth + 1, errors) }),
      ...(isOne &&
        'errors' in error &&
        Array.isArray(error.errors) && { errors: storeAll(error.errors, depth, errors) }),
    };
  } catch {
    return { name: 'Error', message: 'an error that cannot be described' }; // its own getters may throw
  }
}

/** Stores the first errors of an AggregateError, and the number of those left out. */
function storeAll(all: readonly unknown[], depth: number, errors: { left: number }): StoredError[] {
  const stored: StoredError[] = [];
  if (depth < MAX_CAUSES) {
    for (const error of all) {
      if (errors.left === 0) break;
      errors.left -= 1;
      stored.push(store(error, depth + 1, errors));
    }
  }
  const missing = all.length - stored.length;
  return missing === 0 ? stored : [...stored, { name: 'Error', message: `… (${missing} errors more)` }];
}

/** Body of an `HttpException`, as JSON. The `response` of others, such as HTTP clients, is a whole connection. */
function responseOf({ response, getResponse }: Fields): unknown {
  if (response === undefined || typeof getResponse !== 'function') return undefined;
  try {
    if (typeof response === 'string') return cut(response, LONGEST.text);
    const text: string | undefined = JSON.stringify(response);
    if (text === undefined) return undefined;
    return text.length <= LONGEST.text ? JSON.parse(text) : cut(text, LONGEST.text);
  } catch {
    return undefined; // a circle, a bigint
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length - limit} characters more)`;
}

/**
 * Makes an error of a stored one, with all that is stored of it. It is a plain `Error`, whatever its class was.
 */
export function restoreError({ name, message, stack, cause, errors, code, status, response }: StoredError): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: restoreError(cause) });
  const hidden = { name, ...(stack !== undefined && { stack }), ...(errors && { errors: errors.map(restoreError) }) };
  for (const [key, value] of Object.entries(hidden)) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true });
  }
  const shown = {
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...(response !== undefined && { response }),
  };
  return Object.assign(error, shown);
}
