import { Heap } from './heap.js';

interface Place<T> {
  readonly item: T;
  /** Of its kind only the latest counts: an item has one place at most. */
  readonly number: number;
  /** What it is ordered by, before its number. */
  readonly rank: number;
}

/** What is due, by rank and then first in first out, and what will be, by time. Each item has one place, in one of them. */
export class Timetable<T extends object> {
  readonly #places = new Map<T, number>();
  #due = new Heap<Place<T>>(isBefore);
  #later = new Heap<Place<T>>(isBefore);
  #number = 0;

  get hasDue(): boolean {
    return this.#first(this.#due) !== undefined;
  }

  /** When the next one comes due. */
  get nextAt(): number | undefined {
    return this.#first(this.#later)?.rank;
  }

  enqueue(item: T, rank: number): void {
    this.#due.push(this.#placeOf(item, rank));
    this.#due = this.#withoutStale(this.#due);
  }

  schedule(item: T, at: number): void {
    this.#later.push(this.#placeOf(item, at));
    this.#later = this.#withoutStale(this.#later);
  }

  withdraw(item: T): void {
    this.#places.delete(item);
  }

  /** The first of what is due. */
  take(): T | undefined {
    const place = this.#first(this.#due);
    if (place === undefined) return undefined;
    this.#due.pop();
    this.withdraw(place.item);
    return place.item;
  }

  /** The first of what was to come due until `now`. */
  takeOverdue(now: number): T | undefined {
    const place = this.#first(this.#later);
    if (place === undefined || place.rank > now) return undefined;
    this.#later.pop();
    this.withdraw(place.item);
    return place.item;
  }

  #placeOf(item: T, rank: number): Place<T> {
    this.#number += 1;
    this.#places.set(item, this.#number);
    return { item, rank, number: this.#number };
  }

  /** What replaces itself again and again would fill a heap with places that were withdrawn: no more than half of it. */
  #withoutStale(heap: Heap<Place<T>>): Heap<Place<T>> {
    if (heap.size <= 2 * this.#places.size + 16) return heap;
    const kept = new Heap<Place<T>>(isBefore);
    for (const place of heap) if (this.#places.get(place.item) === place.number) kept.push(place);
    return kept;
  }

  /** Places that were withdrawn stay in a heap until they come to its top. */
  #first(heap: Heap<Place<T>>): Place<T> | undefined {
    for (let place = heap.peek(); place !== undefined; place = heap.peek()) {
      if (this.#places.get(place.item) === place.number) return place;
      heap.pop();
    }
    return undefined;
  }
}

function isBefore<T>(a: Place<T>, b: Place<T>): boolean {
  return a.rank === b.rank ? a.number < b.number : a.rank < b.rank;
}
