/** Why an execution must not run. */
export interface Refusal {
  /** `drop`: it is not added. `hold`: it is added, and its workers park it. */
  readonly mode: 'drop' | 'hold';
  readonly reason: string;
}

/** What clients ask before they add: whether a strike is on the execution. */
export abstract class AdditionGuard {
  /** Whether all that was in force before is known here. */
  abstract readonly isLoaded: boolean;
  abstract load(): Promise<void>;
  abstract refusalOf(task: string, args: readonly unknown[]): Refusal | undefined;
}
