import type { ApiError } from '../../operations/api.js';

/** Event of the stream. */
export type LiveEvent = 'summary' | 'view' | 'outage' | 'gone' | 'refused' | 'renew' | 'closing';

/** News of a view, made once for all streams. */
export interface LiveNews {
  readonly event: LiveEvent;
  /** JSON of its data. */
  readonly text: string;
  /** Event as it is sent. */
  readonly frame: Buffer;
}

/** Creates news. @param text JSON, which has no line breaks. */
export function newsOf(event: LiveEvent, text: string): LiveNews {
  return { event, text, frame: Buffer.from(`event: ${event}\ndata: ${text}\n\n`) };
}

export function outageNews({ message }: ApiError): LiveNews {
  return newsOf('outage', JSON.stringify({ message }));
}

export function refusedNews({ statusCode, message }: ApiError): LiveNews {
  return newsOf('refused', JSON.stringify({ statusCode, message }));
}
