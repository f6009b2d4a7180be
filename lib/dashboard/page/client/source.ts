import { useLayoutEffect, useState } from 'preact/hooks';

/** Value that components read and that changes outside of them. Only its readers are drawn again. */
export class Source<T> {
  #value: T;
  readonly #readers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const read of this.#readers) read();
  }

  /** Calls the reader after each change. @returns a function that ends it. */
  subscribe(reader: () => void): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }
}

/** Returns the value of a source, and draws the component again when it changes. */
export function useSource<T>(source: Source<T>): T {
  const [value, setValue] = useState(source.value);
  useLayoutEffect(() => {
    const read = (): void => setValue(() => source.value);
    read();
    return source.subscribe(read);
  }, [source]);
  return value;
}
