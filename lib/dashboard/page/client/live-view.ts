import type { SummaryView, Views } from '../../../operations/api.js';
import { ApiFailure, apiUrl, fetchView, type PageView } from './api.js';
import { stoppedBy, type Connection } from './connection.js';
import { Source } from './source.js';

/** View with its data, as it was last heard of. */
export interface Content {
  readonly view: PageView;
  readonly query: string;
  readonly data: Views[PageView];
}

const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 10_000;

/**
 * Follows one view on one event stream: a browser opens six connections to a server at most, for all tabs together. The
 * stream is closed while nobody sees the page, so that the server samples for nobody.
 */
export class LiveView {
  readonly summary = new Source<SummaryView | undefined>(undefined);
  readonly content = new Source<Content | undefined>(undefined);
  readonly connection = new Source<Connection>({ state: 'connecting' });
  /** Message of the server that cannot reach its broker. */
  readonly outage = new Source<string | undefined>(undefined);
  /** Version that runs by now, where it is not that of this script. */
  readonly newVersion = new Source<string | undefined>(undefined);

  #view: PageView = 'overview';
  #query = '';
  #stream: EventSource | undefined;
  #probe: AbortController | undefined;
  #retry: number | undefined;
  #delay = FIRST_DELAY;
  #version: string | undefined;
  /** Texts of the last events: the same again draws nothing. */
  #texts = new Map<string, string>();

  constructor() {
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#pause();
      else this.#open();
    });
  }

  /** Follows another view, or the same one with another query. Old rows stay until new ones come. */
  follow(view: PageView, query: string): void {
    const isOther = view !== this.#view || (view === 'execution' && query !== this.#query);
    [this.#view, this.#query] = [view, query];
    if (isOther) this.content.set(undefined);
    this.#texts.delete('view');
    this.#delay = FIRST_DELAY;
    this.outage.set(undefined);
    if (document.hidden) this.#pause();
    else this.#open();
  }

  #open(): void {
    if (!('since' in this.connection.value)) this.connection.set({ state: 'connecting' });
    this.#connect();
  }

  #connect(): void {
    this.#close();
    const query = new URLSearchParams(this.#query);
    query.set('view', this.#view);
    const stream = new EventSource(apiUrl('stream', query.toString()));
    this.#stream = stream;
    const on = (type: string, hear: (text: string) => void): void => {
      stream.addEventListener(type, ({ data }: MessageEvent<string>) => {
        if (stream === this.#stream) hear(data);
      });
    };
    on('summary', (text) => this.#hearSummary(text));
    on('view', (text) => this.#hearView(text));
    on('outage', (text) => {
      this.#connected();
      this.outage.set(messageIn(text));
    });
    on('gone', () => this.#stop({ state: 'stopped', why: 'gone', message: '' }));
    on('refused', (text) => {
      const { statusCode } = JSON.parse(text) as { statusCode: number };
      const message = messageIn(text);
      this.#stop(stoppedBy(statusCode, message, this.#view) ?? { state: 'stopped', why: 'refused', message });
    });
    // The server ends each stream after a while, so that a new request passes the application's guards.
    on('renew', () => this.#connect());
    on('closing', () => {
      this.#close();
      this.connection.set({ state: 'closing', since: new Date() });
      this.#openLater();
    });
    stream.addEventListener('error', () => {
      if (stream === this.#stream) void this.#look();
    });
  }

  #hearSummary(text: string): void {
    this.#connected();
    if (this.#isSame('summary', text)) return;
    const summary = JSON.parse(text) as SummaryView;
    this.#version ??= summary.version;
    this.newVersion.set(summary.version === this.#version ? undefined : summary.version);
    this.summary.set(summary);
  }

  #hearView(text: string): void {
    this.#connected();
    this.outage.set(undefined);
    if (!this.#isSame('view', text)) this.#show(JSON.parse(text) as Views[PageView]);
  }

  #show(data: Views[PageView]): void {
    this.content.set({ view: this.#view, query: this.#query, data });
  }

  #isSame(type: string, text: string): boolean {
    const isSame = this.#texts.get(type) === text;
    this.#texts.set(type, text);
    return isSame;
  }

  #connected(): void {
    this.#delay = FIRST_DELAY;
    if (this.connection.value.state !== 'live') this.connection.set({ state: 'live' });
  }

  /** An EventSource hides the status that it got, and tries again where this is of no use: a request tells. */
  async #look(): Promise<void> {
    this.#close();
    const probe = new AbortController();
    this.#probe = probe;
    if (this.connection.value.state === 'live') this.connection.set({ state: 'lost', since: new Date() });
    try {
      const data = await fetchView(this.#view, this.#query, probe.signal);
      if (probe.signal.aborted) return;
      this.#texts.delete('view');
      this.#show(data);
      this.#lose();
    } catch (error) {
      if (probe.signal.aborted) return;
      const { status, message } = error instanceof ApiFailure ? error : new ApiFailure(0, String(error));
      const stopped = stoppedBy(status, message, this.#view);
      if (stopped !== undefined) return this.#stop(stopped);
      this.#lose(message);
    }
    this.#openLater();
  }

  #lose(message?: string): void {
    this.#dropOld();
    const before = this.connection.value;
    const since = 'since' in before ? before.since : new Date();
    this.connection.set({ state: 'lost', since, ...(message !== undefined && { message }) });
  }

  #stop(connection: Connection): void {
    this.#close();
    this.#dropOld();
    this.connection.set(connection);
  }

  /** Rows of the query before would look like those of this one. */
  #dropOld(): void {
    if (this.content.value?.query !== this.#query) this.content.set(undefined);
  }

  #pause(): void {
    this.#close();
    if (this.connection.value.state !== 'stopped') this.connection.set({ state: 'paused' });
  }

  #openLater(): void {
    // After a deploy many pages come back: they spread over a quarter of the delay.
    const delay = this.#delay * (1 - Math.random() / 4);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY);
    this.#retry = window.setTimeout(() => this.#open(), delay);
  }

  #close(): void {
    this.#stream?.close();
    this.#probe?.abort();
    window.clearTimeout(this.#retry);
    this.#stream = undefined;
    this.#probe = undefined;
    this.#retry = undefined;
  }
}

function messageIn(text: string): string {
  return (JSON.parse(text) as { message: string }).message;
}

export const live = new LiveView();
