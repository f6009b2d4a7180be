import type { Access } from '../../operations/api.js';
import { newsOf, refusedNews, type LiveNews } from './live-news.js';
import { failureOf } from '../answer/api-failure.js';
import type { Query } from '../dashboard-views.js';
import type { LiveStream } from './live-stream.js';
import type { LiveViews } from './live-views.js';

/** Part of the summary that is of one user. */
export interface Viewer {
  readonly access: Access;
  readonly user?: string;
}

type Source = 'summary' | 'view';

/** Live data of one open page: one view, and the summary that all pages show. */
export class LivePage {
  /** Sources that cannot be read now. */
  readonly #out = new Set<Source>();
  #view: LiveNews | undefined;

  constructor(
    private readonly stream: LiveStream,
    private readonly viewer: Viewer,
  ) {}

  /** Sends both until the stream ends. */
  show(views: LiveViews, view: string, query: Query): void {
    try {
      this.stream.onEnd(views.follow('summary', {}, (news) => this.#hear('summary', news)));
      this.stream.onEnd(views.follow(view, query, (news) => this.#hear('view', news)));
    } catch (error) {
      this.stream.end(refusedNews(failureOf(error)));
    }
  }

  #hear(source: Source, news: LiveNews): void {
    switch (news.event) {
      case 'outage':
        this.#out.add(source);
        if (this.#out.size === 1) this.stream.send(news);
        break;
      case 'gone':
      case 'refused':
        this.stream.end(news);
        break;
      case 'summary':
        this.stream.send(this.#ownOf(news));
        this.#recovered(source);
        break;
      default:
        this.#view = news;
        this.#out.delete(source);
        this.stream.send(news);
    }
  }

  /** Sends the view again after an outage of the summary alone: a page takes a view as the end of an outage. */
  #recovered(source: Source): void {
    if (this.#out.delete(source) && this.#out.size === 0 && this.#view !== undefined) this.stream.send(this.#view);
  }

  /** Adds the user's part to the shared text. */
  #ownOf({ text }: LiveNews): LiveNews {
    return newsOf('summary', `${JSON.stringify(this.viewer).slice(0, -1)},${text.slice(1)}`);
  }
}
