import {
  buildSchema,
  execute,
  parse,
  versionInfo,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { describe, expect, it } from '@jest/globals';
import { countRootFields, isRootField, type ResolveInfo } from '../../lib/request/root-fields.js';

const schema: GraphQLSchema = buildSchema(`
  interface Node { id: ID }
  type Item { id: ID child: Item }
  type Query implements Node { id: ID a: Item b: Item c(x: Int): Item }
  type Mutation { change: Item }
`);

/** Lets graphql execute the document, and returns what its resolvers were told. */
async function tell(document: string, variableValues: Record<string, unknown> = {}): Promise<GraphQLResolveInfo[]> {
  const told: GraphQLResolveInfo[] = [];
  const fieldResolver: GraphQLFieldResolver<unknown, unknown> = (_source, _args, _context, info) => {
    told.push(info);
    return info.fieldName === 'id' ? '1' : {};
  };
  const { errors } = await execute({ schema, document: parse(document), variableValues, fieldResolver });
  expect(errors).toBeUndefined();
  return told;
}

const asInfo = (info: GraphQLResolveInfo): ResolveInfo => info as unknown as ResolveInfo;

/** As graphql 17 tells it: variables with where they came from, and fragments in `info.fragments` as before. */
function asInfo17(info: GraphQLResolveInfo): ResolveInfo {
  const coerced = info.variableValues;
  return { ...info, variableValues: { sources: {}, coerced } } as unknown as ResolveInfo;
}

const DOCUMENTS: [what: string, document: string, variables?: Record<string, unknown>][] = [
  ['one field', '{ a { id } }'],
  ['a mutation', 'mutation { change { id } more: change { id } }'],
  ['an operation among others', 'query { a { id } b { id } }'],
  ['aliases', '{ a { id } two: a { id } a2: b { id } }'],
  ['one name twice', '{ a { id } a { child { id } } }'],
  ['an alias with the name of another field', '{ b: a { id } }'],
  ['__typename', '{ __typename a { id } }'],
  ['__typename under an alias', '{ kind: __typename a { id } }'],
  ['introspection', '{ __schema { queryType { name } } a { id } }'],
  ['a field under an alias such as that of introspection', '{ __a: a { id } b { id } }'],
  ['a fragment', '{ ...F } fragment F on Query { a { id } b { id } }'],
  ['a fragment twice', '{ ...F ...F } fragment F on Query { a { id } }'],
  ['nested fragments', '{ ...F } fragment F on Query { a { id } ...G } fragment G on Query { a { id } b { id } }'],
  ['a fragment on an interface', '{ ...F } fragment F on Node { id }'],
  ['an inline fragment', '{ ... on Query { a { id } } ... { b { id } } ... @include(if: true) { id } }'],
  ['@skip', '{ a @skip(if: true) { id } b @skip(if: false) { id } }'],
  ['@include', '{ a @include(if: true) { id } b @include(if: false) { id } }'],
  [
    '@skip and @include',
    '{ a @skip(if: false) @include(if: false) { id } b @include(if: true) @skip(if: false) { id } }',
  ],
  ['a name twice, once skipped', '{ a @skip(if: true) { id } a { id } b { id } }'],
  ['a fragment that is skipped', '{ ...F @skip(if: true) a { id } } fragment F on Query { b { id } }'],
  ['an inline fragment that is skipped', '{ ... @include(if: false) { b { id } } a { id } }'],
  ['a fragment skipped here and spread there', '{ ...F @skip(if: true) ...F } fragment F on Query { b { id } }'],
  [
    'variables',
    'query ($y: Boolean!, $n: Boolean!) { a @skip(if: $n) { id } b @include(if: $n) { id } id @skip(if: $y) }',
    { y: true, n: false },
  ],
  [
    'a default',
    'query ($y: Boolean = true, $n: Boolean = false) { a @include(if: $y) { id } b @include(if: $n) { id } }',
  ],
  ['a default that is overridden', 'query ($y: Boolean = true) { a @include(if: $y) { id } b { id } }', { y: false }],
  [
    'variables in a nested fragment',
    'query ($y: Boolean!) { ...F } fragment F on Query { ... on Query @skip(if: $y) { a { id } } b { id } }',
    { y: true },
  ],
  ['arguments', 'query ($x: Int) { one: c(x: 1) { id } two: c(x: $x) { id } }', { x: 2 }],
  ['other directives', 'query { a @other(if: false) { id } }'],
  [
    'a variable by the name of what graphql 17 has',
    'query ($coerced: Boolean!, $sources: Boolean = true) { a @include(if: $coerced) { id } b @include(if: $sources) { id } }',
    { coerced: true },
  ],
];

describe('the root fields of an operation', () => {
  it('are told by graphql 16 here', () => void expect(versionInfo.major).toBe(16));

  it.each(DOCUMENTS)('are counted as graphql executes them: %s', async (...[, document, variables]) => {
    const told = await tell(document, variables);
    const roots = told.filter((info) => isRootField(asInfo(info)));
    expect(roots.length).toBeGreaterThan(0);
    expect(roots.length).toBe(told.filter(({ path }) => path.prev === undefined).length);
    for (const info of told) {
      expect(countRootFields(asInfo(info))).toBe(roots.length);
      expect(countRootFields(asInfo17(info))).toBe(roots.length);
    }
  });

  it('are those of the operation that runs', async () => {
    const document = parse('query One { a { id } } query Two { a { id } b { id } }');
    const counts: number[] = [];
    const fieldResolver = (_source: unknown, _args: unknown, _context: unknown, info: GraphQLResolveInfo): unknown => {
      counts.push(countRootFields(asInfo(info)));
      return info.fieldName === 'id' ? '1' : {};
    };
    await execute({ schema, document, operationName: 'One', fieldResolver });
    expect(new Set(counts)).toEqual(new Set([1]));
  });

  it('are no fields below them', async () => {
    const told = await tell('{ a { child { id } } }');
    expect(told.map((info) => [info.fieldName, isRootField(asInfo(info))])).toEqual([
      ['a', true],
      ['child', false],
      ['id', false],
    ]);
  });
});
