import type { Access } from '../../operations/api.js';

/** Caller of one request, as `access` has judged. */
export interface Visit {
  readonly access: Exclude<Access, 'none'>;
  /** Returns the caller's name. Asked where it is shown or logged only. */
  user(): Promise<string | undefined>;
}

/** Visits by the adapter's request: guards hand over to handlers by nothing else. */
const visits = new WeakMap<object, Visit>();

export function keepVisit(request: object, visit: Visit): void {
  visits.set(request, visit);
}

/** Returns the visit that the guard has kept. @throws {Error} where no guard ran: then nothing may be shown. */
export function visitOf(request: object): Visit {
  const visit = visits.get(request);
  if (visit === undefined) throw new Error('The dashboard was asked past its guard.');
  return visit;
}
