// Board of cards, the newest order first. Bars of running tasks grow with the time.
import { Card } from './card.js';
import { isLive } from './orders.js';

const SHOWN = 5;
const list = document.querySelector('#orders');
const empty = document.querySelector('#empty');
const older = document.querySelector('#older');
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export class Board {
  #orders;
  #now;
  #cards = new Map();
  #showsAll = false;
  #isTicking = false;

  constructor(orders, now) {
    this.#orders = orders;
    this.#now = now;
    older.addEventListener('click', () => {
      this.#showsAll = !this.#showsAll;
      this.#fold();
    });
  }

  update(entry) {
    const card = this.#cards.get(entry.id) ?? this.#add(entry);
    card.update(entry, this.#now());
    this.#tick();
  }

  #add(entry) {
    const card = new Card(entry);
    this.#cards.set(entry.id, card);
    list.prepend(card.element);
    empty.hidden = true;
    this.#fold();
    return card;
  }

  #fold() {
    const cards = [...list.children];
    for (const [i, card] of cards.entries()) card.hidden = !this.#showsAll && i >= SHOWN;
    older.hidden = cards.length <= SHOWN;
    older.setAttribute('aria-expanded', String(this.#showsAll));
    older.textContent = this.#showsAll ? `Show the last ${SHOWN} orders alone` : `Show ${cards.length - SHOWN} older`;
  }

  /** Draws again and again while a task runs: each frame, or each second for those who want no motion. */
  #tick() {
    if (this.#isTicking) return;
    const live = this.#orders.all.filter(isLive);
    if (live.length === 0) return;
    this.#isTicking = true;
    const next = () => {
      this.#isTicking = false;
      for (const entry of live) this.#cards.get(entry.id).draw(entry, this.#now());
      this.#tick();
    };
    if (calm.matches) setTimeout(next, 1_000);
    else requestAnimationFrame(next);
  }
}
