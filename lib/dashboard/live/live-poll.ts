import { failureOf } from '../answer/api-failure.js';
import type { Look } from '../dashboard-views.js';
import { newsOf, outageNews, refusedNews, type LiveEvent, type LiveNews } from './live-news.js';

export type LiveListener = (news: LiveNews) => void;

/** Surroundings of a poll. */
export interface PollPlace {
  /** Returns the time until the next look, in milliseconds. */
  pace(poll: LivePoll): number;
  /** Reports an error that is not the client's. */
  failed(error: unknown): void;
}

/** Looks at one view again and again while somebody listens, and tells what has changed. */
export class LivePoll {
  /** Duration of the last look that succeeded, in milliseconds. */
  cost = 0;
  readonly #listeners = new Set<LiveListener>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #lookedAt = -Infinity;
  /** Last data, and what has come after it. */
  #data: LiveNews | undefined;
  #trouble: LiveNews | undefined;

  constructor(
    readonly event: LiveEvent & ('view' | 'summary'),
    private readonly look: Look,
    /** Shortest time between two looks, in milliseconds. */
    readonly shortest: number,
    private readonly place: PollPlace,
  ) {}

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Time since the last look, in milliseconds. */
  get age(): number {
    return performance.now() - this.#lookedAt;
  }

  /** Tells the listener what is known, if that is fresh, and all changes from now on. @returns a function that ends it. */
  follow(listener: LiveListener): () => void {
    const isFirst = !this.isWatched;
    this.#listeners.add(listener);
    const rest = this.place.pace(this) - this.age;
    // What is old is forgotten: the next look is news, also where it finds the same.
    if (isFirst && rest <= 0) this.#data = this.#trouble = undefined;
    this.#tellKnown(listener);
    if (isFirst) this.#lookIn(Math.max(0, rest));
    return () => this.#leave(listener);
  }

  #leave(listener: LiveListener): void {
    this.#listeners.delete(listener);
    if (this.isWatched) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tellKnown(listener: LiveListener): void {
    const news = this.#trouble ?? this.#data;
    if (news !== undefined) listener(news);
  }

  #lookIn(delay: number): void {
    // A look may be under way for listeners that have left; it goes on for those that came.
    if (this.#isLooking || !this.isWatched) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#lookOnce(), delay).unref();
  }

  async #lookOnce(): Promise<void> {
    this.#isLooking = true;
    const start = performance.now();
    const news = await this.#read();
    this.#lookedAt = performance.now();
    if (news.event === this.event) this.cost = this.#lookedAt - start;
    this.#tell(news);
    this.#isLooking = false;
    this.#lookIn(this.place.pace(this));
  }

  async #read(): Promise<LiveNews> {
    try {
      const value = await this.look.read();
      return value === undefined ? newsOf('gone', '{}') : this.#dataOf(JSON.stringify(value));
    } catch (error) {
      const failure = failureOf(error);
      if (failure.statusCode === 400) return refusedNews(failure);
      if (failure.statusCode === 500 && this.#trouble === undefined) this.place.failed(error);
      return outageNews(failure);
    }
  }

  /** Keeps the old news where nothing has changed: no second frame is made of them. */
  #dataOf(text: string): LiveNews {
    return this.#data?.text === text ? this.#data : newsOf(this.event, text);
  }

  #tell(news: LiveNews): void {
    const isData = news.event === this.event;
    const last = this.#trouble ?? this.#data;
    const isKnown = isData ? news === last : last?.event === news.event && last.text === news.text;
    if (isData) this.#data = news;
    this.#trouble = isData ? undefined : news;
    if (isKnown) return;
    for (const listener of this.#listeners) listener(news);
  }
}
