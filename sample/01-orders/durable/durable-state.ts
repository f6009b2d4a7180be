/** State of the durable tasks, as the page shows it. Those that have not ended are `left`. */
export interface DurableState {
  readonly parcels: {
    readonly isBroken: boolean;
    readonly announced: number;
    readonly failed: number;
    readonly left: number;
  };
  readonly invoices: {
    readonly customer: string;
    /** Invoices of the customer that run, at most one, and that wait for it. */
    readonly running: number;
    readonly waiting: number;
    readonly printed: number;
    /** Invoices of all other customers. */
    readonly others: number;
    readonly left: number;
  };
  readonly recommendations: {
    readonly customer: string;
    readonly isStruck: boolean;
    readonly sent: number;
    readonly held: number;
    readonly left: number;
  };
  readonly stocktake: {
    readonly counted: number;
    readonly shelves: number;
    /** Sum, once the last execution has made it. */
    readonly books?: number;
    readonly left: number;
  };
  readonly isPaused: boolean;
  /** All of them, without those that add themselves again. */
  readonly left: number;
}
