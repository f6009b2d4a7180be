/** Objects in the order of their first visit. Few are met again, and numbers are looked up only for those. */
export class VisitedObjects {
  readonly #objects = new Set<object>();
  /** Bytes of JSON of each object. */
  readonly #sizes: number[] = [];
  readonly #numbers = new Map<object, number>();
  readonly #unnumbered = this.#objects.values();

  /** @returns the object's number, or -1 when it was there before. */
  add(object: object): number {
    const number = this.#objects.size;
    this.#objects.add(object);
    return this.#objects.size === number ? -1 : number;
  }

  setSize(number: number, bytes: number): void {
    this.#sizes[number] = bytes;
  }

  has(object: object): boolean {
    return this.#objects.has(object);
  }

  /** Number and size of an object that is met again; in a circle, the size is not known yet, and 0. */
  find(object: object): { readonly number: number; readonly size: number } {
    let number = this.#numbers.get(object);
    while (number === undefined) {
      const { value } = this.#unnumbered.next();
      if (value === undefined) throw new Error('The object was not visited'); // a bug of ours
      this.#numbers.set(value, this.#numbers.size);
      number = this.#numbers.get(object);
    }
    return { number, size: this.#sizes[number] ?? 0 };
  }

  /** `true` when an object was met again. */
  get hasShared(): boolean {
    return this.#numbers.size > 0;
  }

  get count(): number {
    return this.#objects.size;
  }

  /** Forgets the objects after the first `count`. */
  keepFirst(count: number): void {
    for (const object of [...this.#objects].slice(count)) {
      this.#objects.delete(object);
      this.#numbers.delete(object);
    }
    this.#sizes.length = count;
  }
}
