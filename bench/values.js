// Arguments and results as text: the library's own format against superjson and devalue.
import { parseArgs } from 'node:util';
import { parse, stringify } from 'devalue';
import { deserialize, serialize } from 'superjson';
import { decodeValue, encodeValue } from '../build/queue/declaration/values/rich-json.js';
import { afterGc, alternate } from './rounds.js';
import { ratio, show, summarize, table } from './statistics.js';
import { graphs, isSame } from './values-graphs.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = { rounds: short ? 1 : 7, warmUps: short ? 0 : 2 };
const ROWS = short ? 100 : 40_000;
const CALLS = short ? 10 : 20_000;
const GRAPHS = short ? 100 : 7_500;

const ARMS = [
  {
    name: 'nestjs-tasks',
    write: (value) => encodeValue(value, { path: 'args', depth: 0, maxSize: Number.MAX_SAFE_INTEGER }),
    read: decodeValue,
  },
  {
    name: 'superjson',
    write: (value) => JSON.stringify(serialize(value)),
    read: (text) => deserialize(JSON.parse(text)),
  },
  { name: 'devalue', write: (value) => stringify(value), read: (text) => parse(text) },
];

const list = (length, item) => Array.from({ length }, (_, at) => item(at));
const dateAt = (at) => new Date(1.7e12 + at * 1_000);
const customer = { id: 1, name: 'Ada', tags: ['a', 'b'], since: dateAt(0) };

const VALUES = [
  ['a text and a number', ['order-17', 5], CALLS],
  [
    'an order of ten lines, with a Date',
    [{ id: 1, at: dateAt(0), lines: list(10, (at) => ({ sku: `sku-${at}`, at })) }],
    CALLS,
  ],
  [
    `${ROWS.toLocaleString('en')} rows of JSON`,
    [list(ROWS, (at) => ({ id: at, name: `customer ${at}`, at: dateAt(at).toISOString() }))],
    1,
  ],
  [
    `${ROWS.toLocaleString('en')} rows with a Date each`,
    [list(ROWS, (at) => ({ id: at, name: `customer ${at}`, at: dateAt(at) }))],
    1,
  ],
  [`${ROWS.toLocaleString('en')} rows that share an object`, [list(ROWS, (at) => ({ id: at, customer }))], 1],
];

/** Microseconds of CPU a call. */
function cpu(act, calls) {
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i++) act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

const rows = [];
for (const [what, value, calls] of VALUES) {
  const texts = new Map(ARMS.map((arm) => [arm, arm.write(value)]));
  const written = await alternate(
    ARMS,
    ROUNDS,
    afterGc(({ write }) => cpu(() => write(value), calls)),
  );
  const read = await alternate(
    ARMS,
    ROUNDS,
    afterGc((arm) => cpu(() => arm.read(texts.get(arm)), calls)),
  );
  for (const [at, arm] of ARMS.entries()) {
    const figures = [written, read].flatMap((results) => [
      summarize(results[at]).median.toFixed(calls > 1 ? 2 : 0),
      at === 0 ? '1' : show(ratio(results[at], results[0]), 1),
    ]);
    rows.push([at === 0 ? what : '', arm.name, ...figures, texts.get(arm).length.toLocaleString('en')]);
  }
}
console.log(
  `#### Microseconds of CPU a value, and its text in characters\n\n${table(['value', 'by', 'write', 'to nestjs-tasks', 'read', 'to nestjs-tasks', 'characters'], rows)}\n`,
);

/** Whether what is read is what was written; a library may also refuse it. */
function survives({ write, read }, graph) {
  try {
    return isSame(graph, read(write(graph)));
  } catch {
    return false;
  }
}

const right = ARMS.map((arm) => [...graphs(GRAPHS)].filter((graph) => survives(arm, graph)).length);
if (right[0] !== GRAPHS) throw new Error(`${GRAPHS - right[0]} of ${GRAPHS} random graphs have changed`);
console.log(
  `#### Random graphs that arrive as they were, of ${GRAPHS.toLocaleString('en')}\n\n${table(
    ARMS.map(({ name }) => name),
    [right.map((count) => count.toLocaleString('en'))],
  )}`,
);
