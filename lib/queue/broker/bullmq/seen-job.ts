import type { JobJson } from 'bullmq';

/** A job, and the state that BullMQ has it in, at one moment. */
export interface SeenJob {
  readonly job: JobJson;
  /** BullMQ's word. */
  readonly state: string;
}
