/** An image, as the catalogue keeps it and `GET /images/:id` tells it. */
export interface Image {
  readonly id: string;
  readonly album?: string | undefined;
  readonly status: 'processing' | 'ready' | 'failed';
  /** When ready: what is in its folder. */
  readonly files?: readonly string[];
  /** When failed: why, in words meant for the client. */
  readonly reason?: string;
}
