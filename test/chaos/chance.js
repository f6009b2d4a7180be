/** Choices that are the same for the same seed. (mulberry32) */
export class Chance {
  constructor(seed) {
    this.state = seed | 0;
  }

  /** Returns a number from 0, below 1. */
  next() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Returns a whole number of this range, both ends included. */
  between(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick(items) {
    return items[Math.floor(this.next() * items.length)];
  }

  /** Picks a key of `{ key: weight }`. */
  weighted(weights) {
    let rest = this.next() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    for (const [key, weight] of Object.entries(weights)) {
      rest -= weight;
      if (rest < 0) return key;
    }
    return Object.keys(weights)[0];
  }
}
