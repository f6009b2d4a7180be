import type { Chance } from './chance.js';
import type { Actor } from './stage.js';

interface Addition {
  readonly key: string;
  /** In milliseconds. */
  readonly took: number;
  readonly error?: unknown;
}

/** In milliseconds. */
const INTERVAL = 20;
const LONGEST_RUN = 50;

/** Adds executions without end, whatever becomes of them. */
export class Traffic {
  private readonly additions: Promise<Addition>[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly client: Actor,
    private readonly chance: Chance,
  ) {
    this.timer = setInterval(() => this.additions.push(this.add()), INTERVAL);
  }

  async stop(): Promise<{ acknowledged: Addition[]; refused: Addition[] }> {
    clearInterval(this.timer);
    const all = await Promise.all(this.additions);
    return {
      acknowledged: all.filter(({ error }) => error === undefined),
      refused: all.filter(({ error }) => error !== undefined),
    };
  }

  private async add(): Promise<Addition> {
    const key = `traffic-${this.additions.length}`;
    const since = performance.now();
    const took = (): number => performance.now() - since;
    return this.client.add(key, { ms: this.chance.below(LONGEST_RUN) }).then(
      () => ({ key, took: took() }),
      (error: unknown) => ({ key, took: took(), error }),
    );
  }
}
