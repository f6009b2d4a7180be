import type { Claim } from '../broker.js';
import type { MemoryExecution } from './memory-execution.js';
import type { ExecutionRecord } from '../record.js';

/** Claim of the memory broker, which leads it to the execution: to look for that in a map of many takes far longer. */
export class MemoryClaim implements Claim {
  readonly id: string;
  readonly record: ExecutionRecord;
  readonly crashes: number;
  readonly cancellation: string | undefined;
  readonly #execution: MemoryExecution;

  constructor(
    execution: MemoryExecution,
    readonly token: string,
  ) {
    this.id = execution.id;
    this.record = execution.toRecord();
    this.crashes = execution.crashes;
    this.cancellation = execution.cancellation;
    this.#execution = execution;
  }

  /** Returns the execution of a claim; nothing where the claim is a copy. */
  static executionOf(claim: Claim): MemoryExecution | undefined {
    return #execution in claim ? claim.#execution : undefined;
  }
}
