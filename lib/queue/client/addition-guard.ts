/** Strike that keeps an execution from running. */
export interface Refusal {
  /** `drop`: it is not added. `hold`: it is added, and its workers park it. */
  readonly mode: 'drop' | 'hold';
  readonly reason: string;
}

/** Looks for strikes on executions before clients add them. */
export abstract class AdditionGuard {
  /** Set once all strikes that were in force before are known here. */
  abstract readonly isLoaded: boolean;
  abstract load(): Promise<void>;
  abstract refusalOf(task: string, args: readonly unknown[]): Refusal | undefined;
}
