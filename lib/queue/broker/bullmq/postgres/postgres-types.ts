type Parse = (text: string) => unknown;

/** OIDs of the types that BullMQ's queries and ours return, and that are not read as text. */
const PARSERS: ReadonlyMap<number, Parse> = new Map<number, Parse>([
  [16, (text) => text === 't'],
  [21, Number],
  [23, Number],
  [26, Number],
  [700, Number],
  [701, Number],
  [114, (text) => JSON.parse(text) as unknown],
  [3802, (text) => JSON.parse(text) as unknown],
  [1005, (text) => readArray(text).map(toNumber)],
  [1007, (text) => readArray(text).map(toNumber)],
  [1009, readArray],
  [1015, readArray],
  [1016, readArray],
]);

/**
 * Type parsers of our own, for `types` of a client. An application may change those of `pg` for the whole process.
 *
 * @see https://node-postgres.com/features/types
 */
export const TYPES = {
  getTypeParser: (oid: number): Parse => PARSERS.get(oid) ?? String,
} as never;

const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^,{}]+)/gs;

/** Reads an array of one dimension, in PostgreSQL's text format. */
function readArray(text: string): (string | null)[] {
  return [...text.slice(text.indexOf('{')).matchAll(ELEMENT)].map(([, quoted, plain = '']) => {
    if (quoted !== undefined) return quoted.replace(/\\(.)/gs, '$1');
    return plain === 'NULL' ? null : plain;
  });
}

function toNumber(text: string | null): number | null {
  return text === null ? null : Number(text);
}
