// Random graphs of what all libraries write, in which objects stand in several places and within themselves.

/** Whole numbers from 0, below a limit, again for the same seed. (mulberry32) */
function chance(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

export function* graphs(count, seed = 1) {
  const below = chance(seed);
  const one = (items) => items[below(items.length)];
  let objects;
  const keep = (object) => {
    objects.push(object);
    return object;
  };
  const filled = (container, put, depth) => {
    keep(container);
    for (let left = below(4); left > 0; left--) put(container, value(depth + 1), depth);
    return container;
  };
  const LEAVES = [
    () => one(['', 'text', 'a.b', '\0', '\ud800']),
    () => one([0, 1.5, -0, Number.NaN, Infinity]),
    () => one([null, undefined, true]),
    () => BigInt(below(1e6)) ** 5n,
    () => keep(new Date(below(1e6))),
    () => keep(one([() => /a\/b/g, () => new URL('https://example.com/a?b')])()),
    () => keep(new Uint8Array([0, below(256)])),
    () => one(objects),
    () => one(objects),
  ];
  const CONTAINERS = [
    (depth) => filled([], (list, item) => list.push(item), depth),
    (depth) => filled({}, (object, item) => (object[one(['a', 'b', '', 'a.b', '0'])] = item), depth),
    (depth) => filled(new Set(), (set, item) => set.add(item), depth),
    (depth) => filled(new Map(), (map, item) => map.set(value(depth + 1), item), depth),
  ];
  const value = (depth) => one(depth > 4 ? LEAVES : [...LEAVES, ...CONTAINERS, ...CONTAINERS])(depth);
  for (; count > 0; count--) {
    objects = [];
    const root = keep([keep(new Date(0))]);
    for (let left = below(6); left >= 0; left--) root.push(value(1));
    yield root;
  }
}

/** Whether two graphs have the same values in the same order, and share the same objects. */
export function isSame(a, b, pairs = new Map(), back = new Map()) {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b);
  if (pairs.has(a) || back.has(b)) return pairs.get(a) === b;
  pairs.set(a, b);
  back.set(b, a);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const [left, right] = [partsOf(a), partsOf(b)];
  return left.length === right.length && left.every((part, at) => isSame(part, right[at], pairs, back));
}

function partsOf(value) {
  if (value instanceof Date) return [value.getTime()];
  if (value instanceof RegExp || value instanceof URL) return [String(value)];
  if (value instanceof Set || ArrayBuffer.isView(value)) return [...value];
  if (value instanceof Map) return [...value].flat(1);
  return Object.entries(value).flat(1);
}
