import { Injectable } from '@nestjs/common';

/** Times of the event stream, in milliseconds. Seam for tests of this library. */
@Injectable()
export class LiveTimes {
  /** Shortest time between two looks at a view. */
  readonly fast: number = 1_000;
  /** The same for views whose looks cost more. */
  readonly slow: number = 2_000;
  /** Longest time between two looks, whatever they cost. */
  readonly longest: number = 60_000;
  /** Time between two comments, which keep proxies from closing the stream. Half of a stream's life. */
  readonly comment: number = 13_000;
  /** Time for which a client may read nothing. */
  readonly patience: number = 5_000;
  /** Time for a client to leave when its stream is over. */
  readonly farewell: number = 2_000;
  /** Time for the last bytes of a stream to leave, at shutdown and of clients that do not read. */
  readonly flush: number = 250;
}
