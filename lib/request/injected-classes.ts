import type { Type } from '@nestjs/common';
import { PARAMTYPES_METADATA, PROPERTY_DEPS_METADATA, SELF_DECLARED_DEPS_METADATA } from '@nestjs/common/constants.js';
import type { ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';

/** Tells if a provider of the application injects the class, as far as known before Nest makes instances. */
export function isInjected(token: Type, modules: ModulesContainer): boolean {
  return [...modules.values()].some(({ providers, controllers, injectables }) =>
    [providers, controllers, injectables].some((wrappers: ReadonlyMap<unknown, InstanceWrapper>) =>
      [...wrappers.values()].some((wrapper) => injects(wrapper, token)),
    ),
  );
}

/** Tells if a provider injects the class. */
export function injects(wrapper: InstanceWrapper, token: Type): boolean {
  return dependenciesOf(wrapper).includes(token);
}

function dependenciesOf({ metatype, inject }: InstanceWrapper): unknown[] {
  if (inject !== undefined && inject !== null) return inject.map(tokenOf);
  if (typeof metatype !== 'function') return [];
  const read = (key: string): unknown[] => (Reflect.getMetadata(key, metatype) ?? []) as unknown[];
  const declared = [...read(SELF_DECLARED_DEPS_METADATA), ...read(PROPERTY_DEPS_METADATA)] as Declared[];
  return [...read(PARAMTYPES_METADATA), ...declared.map(({ param, type }) => tokenOf(param ?? type))];
}

interface Declared {
  readonly param?: unknown;
  readonly type?: unknown;
}

/** Returns the token of `{ token, optional }`, or of `forwardRef()`. */
function tokenOf(dependency: unknown): unknown {
  if (typeof dependency !== 'object' || dependency === null) return dependency;
  const { token, forwardRef } = dependency as { readonly token?: unknown; readonly forwardRef?: () => unknown };
  return forwardRef === undefined ? tokenOf(token) : forwardRef();
}
