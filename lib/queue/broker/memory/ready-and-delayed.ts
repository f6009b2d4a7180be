import { Fifo } from '../../../scheduler/fifo.js';
import { Heap } from './heap.js';

/** Item, whose place ReadyAndDelayed alone sets. */
export interface Placed {
  /** Number of the place; 0 where there is none. */
  place: number;
}

interface Place<T> {
  readonly item: T;
  /** Number of the latest entry of an item: older entries do not count. */
  readonly number: number;
  /** Order before the number. */
  readonly rank: number;
}

/**
 * Items that are due, by rank and then first in first out, and items that will be, by time. Each has one place, in one of
 * them. Ranks of 0 and below have lines of their own: nearly all items have rank 0, and a heap costs more the longer it is.
 */
export class ReadyAndDelayed<T extends Placed> {
  readonly #urgent = new Fifo<Place<T>>();
  readonly #plain = new Fifo<Place<T>>();
  #ranked = new Heap<Place<T>>(isBefore);
  #later = new Heap<Place<T>>(isBefore);
  #number = 0;
  /** Number of items with a place. */
  #size = 0;

  get hasDue(): boolean {
    return this.#firstDue() !== undefined;
  }

  /** Time at which the next item is due. */
  get nextAt(): number | undefined {
    return this.#first(this.#later)?.rank;
  }

  /** @param rank the least comes first; all below 0 are alike. */
  enqueue(item: T, rank: number): void {
    const place = this.#placeOf(item, rank);
    if (rank > 0) this.#ranked.push(place);
    else if (rank === 0) this.#plain.push(place);
    else this.#urgent.push(place);
    if (this.#urgent.size + this.#plain.size + this.#ranked.size <= this.#most) return;
    for (const line of [this.#urgent, this.#plain]) line.keep(isValid);
    this.#ranked = withoutStale(this.#ranked);
  }

  schedule(item: T, at: number): void {
    this.#later.push(this.#placeOf(item, at));
    if (this.#later.size > this.#most) this.#later = withoutStale(this.#later);
  }

  withdraw(item: T): void {
    if (item.place === 0) return;
    item.place = 0;
    this.#size -= 1;
  }

  /** Takes the first item that is due. */
  take(): T | undefined {
    const place = this.#firstDue();
    if (place === undefined) return undefined;
    if (place.rank > 0) this.#ranked.pop();
    else (place.rank === 0 ? this.#plain : this.#urgent).shift();
    this.withdraw(place.item);
    return place.item;
  }

  /** Takes the first item that was due until `now`. */
  takeOverdue(now: number): T | undefined {
    const place = this.#first(this.#later);
    if (place === undefined || place.rank > now) return undefined;
    this.#later.pop();
    this.withdraw(place.item);
    return place.item;
  }

  /** Places that may be kept: what replaces itself again and again leaves one each time. */
  get #most(): number {
    return 2 * this.#size + 16;
  }

  #placeOf(item: T, rank: number): Place<T> {
    this.#number += 1;
    if (item.place === 0) this.#size += 1;
    item.place = this.#number;
    return { item, rank, number: this.#number };
  }

  #firstDue(): Place<T> | undefined {
    return this.#first(this.#urgent) ?? this.#first(this.#plain) ?? this.#first(this.#ranked);
  }

  /** Places that were withdrawn stay until they come first. */
  #first(places: Fifo<Place<T>> | Heap<Place<T>>): Place<T> | undefined {
    for (let place = places.peek(); place !== undefined; place = places.peek()) {
      if (isValid(place)) return place;
      if (places instanceof Heap) places.pop();
      else places.shift();
    }
    return undefined;
  }
}

function isBefore<T>(a: Place<T>, b: Place<T>): boolean {
  return a.rank === b.rank ? a.number < b.number : a.rank < b.rank;
}

function isValid<T extends Placed>({ item, number }: Place<T>): boolean {
  return item.place === number;
}

function withoutStale<T extends Placed>(heap: Heap<Place<T>>): Heap<Place<T>> {
  const kept = new Heap<Place<T>>(isBefore);
  for (const place of heap) if (isValid(place)) kept.push(place);
  return kept;
}
