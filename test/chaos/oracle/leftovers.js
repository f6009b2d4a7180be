// What a queue that is empty may keep for ever, however much has gone through it. All else must be gone, or expire.

/** On Redis: BullMQ's version, options, counters, events (trimmed) and marker; the workers, and versions of maps. */
const PERMANENT_KEY = /^[^:/]+:[^:/]+(:(meta|id|pc|events|marker)|\/(map:quiet:workers|maps))$/;
/** On PostgreSQL: BullMQ's migrations, options, events (trimmed) and metrics. */
const PERMANENT_TABLES = new Set(['migration', 'meta', 'event', 'metrics']);
/** Of the rows of the library. */
const PERMANENT_KINDS = new Set(['map:quiet:workers', 'map', 'channel']);

export function isPermanent({ name, kind, expires }) {
  return expires || PERMANENT_KEY.test(name) || PERMANENT_TABLES.has(name) || PERMANENT_KINDS.has(kind);
}

/** After the drain the queue is quiet. */
export function notQuiet(history) {
  return history.entries
    .filter(({ what }) => what === 'busy')
    .map(({ at, left }) => ({ at, text: `the queue did not become quiet: ${left.join('; ')}` }));
}

/** After the drain and the retention nothing is left of a queue that is quiet. */
export function leftBehind(history) {
  const isBusy = notQuiet(history).length > 0;
  return history.entries
    .filter(({ what }) => what === 'contents' && !isBusy)
    .flatMap(({ at, items }) =>
      items
        .filter((item) => !isPermanent(item))
        .map(({ name, detail = '' }) => ({ at, text: `${name} ${detail}`.trim() })),
    );
}
