// Words of the page: times, prices and states as people say them.

/** 412 ms, 2.51 s, 1 min 5 s */
export function duration(milliseconds) {
  const ms = Math.max(0, Math.round(milliseconds));
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(2)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

export const price = (cents) => `€${(cents / 100).toFixed(2)}`;

export const shortId = (id) => id.slice(-4);

export const clock = (at) => new Date(at).toLocaleTimeString();

const STARTS = {
  immediate: 'starts at once',
  afterRoute: 'starts after the route',
  afterResponse: 'starts after the response',
  onError: 'error handler of the payment',
};
export const starts = (timing) => STARTS[timing] ?? timing;

const STATES = {
  waiting: 'waits',
  running: 'runs',
  finished: 'finished',
  failed: 'failed',
  cancelled: 'cancelled',
  abandoned: 'abandoned',
  discarded: 'discarded',
  lost: 'lost with the server',
};

/** State of a task, with what made it end so. */
export function stateOf({ state, reason, error }) {
  if (state === 'cancelled' && reason === 'shutdown') return `${STATES.cancelled} by shutdown`;
  if (state === 'failed') return `${STATES.failed}: ${error ?? reason}`;
  if (state === 'cancelled' || state === 'discarded') return `${STATES[state]}: ${reason}`;
  return STATES[state];
}

const STATUSES = { processing: 'Processing', paid: 'Paid', refunded: 'Refunded' };
export const statusOf = ({ status }) => STATUSES[status];

/** Facts that the tasks of an order have written down so far. */
export function factsOf({ stock, mailed, partners = {} }) {
  const told = Object.keys(partners).filter((partner) => partners[partner] === 'told');
  const refusals = Object.entries(partners).filter(([, answer]) => answer !== 'told');
  return [
    stock === 'reserved' && 'stock reserved',
    stock === 'sold out' && 'sold out',
    mailed && 'mail sent',
    told.length > 0 && `${told.join(', ')} told`,
    ...refusals.map(([partner, answer]) => `${partner} refused (${answer.replace('Error: ', '')})`),
  ]
    .filter(Boolean)
    .join(' · ');
}
