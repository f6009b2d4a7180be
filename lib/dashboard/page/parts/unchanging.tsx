import { Component, type ComponentChildren, type FunctionComponent } from 'preact';

/** Returns whether two values of JSON are alike. */
export function isAlike(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  return (
    keys.length === others.length &&
    keys.every((key) => isAlike((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  );
}

/** Makes a component that is drawn again only when its properties, which are JSON, differ: for the rows of live lists. */
export function unchanging<P extends object>(draw: FunctionComponent<P>): FunctionComponent<P> {
  const Draw = draw;
  class Unchanging extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !isAlike(this.props, next);
    }

    override render(): ComponentChildren {
      return <Draw {...this.props} />;
    }
  }
  return Unchanging as unknown as FunctionComponent<P>;
}
