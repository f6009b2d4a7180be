import { BrokerUnavailableError, TaskArgumentError, TaskNotRegisteredError } from '../../queue/broker/queue-errors.js';
import type { ApiError } from '../../operations/api.js';
import { InputError } from '../../operations/input-error.js';
import { isError, TasksConfigError } from '../../task/task-errors.js';
import { TasksUsageError } from '../../task/usage-errors.js';
import { json, type Answer } from './answer.js';

const NAMES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
const BAD_INPUT = [InputError, TaskArgumentError, TaskNotRegisteredError, TasksConfigError, TasksUsageError];
/** Seconds until a client asks again. */
const RETRY_AFTER = '5';

export function failure(statusCode: number, message: string): ApiError {
  return { statusCode, error: NAMES[statusCode] ?? 'Error', message };
}

/** Returns what a client may know of an error. Messages of our own errors show neither arguments nor passwords. */
export function failureOf(error: unknown): ApiError {
  if (isError(error)) {
    if (error instanceof BrokerUnavailableError) return failure(503, error.message);
    if (BAD_INPUT.some((type) => error instanceof type)) return failure(400, error.message);
  }
  return failure(500, 'The dashboard failed. The log of the application says why.');
}

export function failed(error: ApiError): Answer {
  return json(error, error.statusCode, error.statusCode === 503 ? { 'retry-after': RETRY_AFTER } : {});
}
