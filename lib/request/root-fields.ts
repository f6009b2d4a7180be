/** Used part of graphql's GraphQLResolveInfo, so that the package is not needed. */
export interface ResolveInfo {
  readonly path: { readonly prev: object | undefined };
  readonly operation: { readonly selectionSet: SelectionSet };
  readonly fragments: Readonly<Record<string, { readonly selectionSet: SelectionSet } | undefined>>;
  readonly variableValues: Readonly<Record<string, unknown>>;
}

interface SelectionSet {
  readonly selections: readonly Selection[];
}

interface Selection {
  readonly kind: string;
  readonly name?: { readonly value: string };
  readonly alias?: { readonly value: string } | undefined;
  readonly directives?: readonly Directive[] | undefined;
  readonly selectionSet?: SelectionSet | undefined;
}

interface Directive {
  readonly name: { readonly value: string };
  readonly arguments?: readonly {
    readonly value: { readonly kind: string; readonly value?: unknown; readonly name?: { readonly value: string } };
  }[];
}

/** Tells root resolvers, which begin the operation, from resolvers of fields. */
export function isRootField({ path }: ResolveInfo): boolean {
  return path.prev === undefined;
}

/** Counts the root resolvers of an operation: its fields after fragments, `@skip` and `@include`, each name once. */
export function countRootFields(info: ResolveInfo): number {
  const names = new Set<string>();
  collect(info, info.operation.selectionSet, names);
  return names.size;
}

function collect(info: ResolveInfo, { selections }: SelectionSet, names: Set<string>): void {
  for (const { kind, name, alias, directives = [], selectionSet } of selections) {
    if (!directives.every((directive) => isIncluded(info, directive))) continue;
    if (kind === 'Field') {
      // graphql itself answers `__typename` and the like.
      if (name !== undefined && !name.value.startsWith('__')) names.add((alias ?? name).value);
      continue;
    }
    const fragment = kind === 'FragmentSpread' ? info.fragments[name?.value ?? '']?.selectionSet : selectionSet;
    if (fragment !== undefined) collect(info, fragment, names);
  }
}

function isIncluded({ variableValues }: ResolveInfo, { name, arguments: [argument] = [] }: Directive): boolean {
  if (argument === undefined || (name.value !== 'skip' && name.value !== 'include')) return true;
  const { value } = argument;
  const condition = value.kind === 'Variable' ? readVariable(variableValues, value.name?.value ?? '') : value.value;
  return condition === (name.value === 'include');
}

/** Reads a variable. graphql 17 keeps the values apart from their sources. */
function readVariable(values: Readonly<Record<string, unknown>>, name: string): unknown {
  const { coerced } = values as { coerced?: Readonly<Record<string, unknown>> };
  return typeof coerced === 'object' && 'sources' in values ? coerced[name] : values[name];
}
