import { setTimeout as sleep } from 'node:timers/promises';

/** From the answer to one ping to the next. In milliseconds. */
const PAUSE = 10;

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** In milliseconds. */
  readonly took: number;
}

/** Of the application, over HTTP. */
export class Client {
  constructor(private readonly url: string) {}

  async get(path: string): Promise<Answer> {
    const since = performance.now();
    const response = await fetch(`${this.url}/${path}`);
    const text = await response.text();
    return { status: response.status, text, took: performance.now() - since };
  }

  /** Pings until all those have been answered. */
  async pingDuring(answers: readonly Promise<Answer>[]): Promise<Answer[]> {
    const pings: Answer[] = [];
    const over = Promise.all(answers).then(() => true);
    do pings.push(await this.get('ping'));
    while ((await Promise.race([over, sleep(PAUSE)])) !== true);
    return pings;
  }
}
