import type { ExecutionState, StoredError } from './record.js';

/** Condition on executions, live or ended: all that is set must hold. */
export interface RecordFilter {
  /** Name of the task. */
  readonly task?: string | undefined;
  readonly keyPrefix?: string | undefined;
  /** Text in the name or the message of the last error. */
  readonly error?: string | undefined;
  /** Id of the worker that runs it, or was the last to. */
  readonly worker?: string | undefined;
}

/** Fields of an execution that a filter looks at. */
export interface FilteredRecord {
  readonly state: ExecutionState;
  readonly name: string;
  readonly key: string;
  readonly error?: StoredError | undefined;
  readonly worker?: string | undefined;
}

/** Tells whether an execution is one of those that a filter asks for. */
export function matchesRecord(
  execution: FilteredRecord,
  {
    states,
    task,
    keyPrefix,
    error,
    worker,
  }: RecordFilter & { readonly states?: readonly ExecutionState[] | undefined },
): boolean {
  if (states !== undefined && !states.includes(execution.state)) return false;
  if (task !== undefined && execution.name !== task) return false;
  if (keyPrefix !== undefined && !execution.key.startsWith(keyPrefix)) return false;
  if (worker !== undefined && execution.worker !== worker) return false;
  if (error === undefined) return true;
  const known = execution.error;
  return known !== undefined && (known.name.includes(error) || known.message.includes(error));
}
