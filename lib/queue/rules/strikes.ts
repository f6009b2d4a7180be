import { Inject, Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import { parseDuration, type Duration } from '../../task/duration.js';
import { KnownOptions } from '../../task/known-options.js';
import { BROKER, type Broker } from '../broker/broker.js';
import type { AdditionGuard, Refusal } from '../client/addition-guard.js';
import { checkCallOptions } from '../client/call-options.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { DurableRegistry } from '../declaration/durable-registry.js';
import { TaskArgumentError, unknownParameter } from '../broker/queue-errors.js';
import { QueueLog } from '../log/queue-log.js';
import { requireActor, requireReason } from '../broker/short-text.js';
import { StrikeList, type Candidate } from './strike-list.js';
import {
  conditionOf,
  decodeStrike,
  describeStrike,
  encodeStrike,
  strikeId,
  strikeTarget,
  type Strike,
  type StrikeCondition,
  type StrikeTarget,
} from './strike.js';
import { WatchedMap } from './watched-map.js';

/** Selection of a task's executions. */
interface StrikeSelection {
  /** Condition on an argument, such as `['amount', '>', 10_000]`. Default: all. */
  where?: StrikeCondition | undefined;
}

/**
 * Effect and duration of a strike.
 *
 * @publicApi
 */
export interface StrikeOptions extends StrikeSelection {
  /** `drop` ends what it is on, `hold` parks it until `restore()`. Default `'drop'`. */
  mode?: 'drop' | 'hold' | undefined;
  /** Kept with the strike, and shown wherever it has an effect. */
  reason?: string | undefined;
  /** Person or program that strikes, in up to 200 characters. Kept with the strike. */
  by?: string | undefined;
  /** Time after which it is restored by itself. Default: never. */
  expiresIn?: Duration | undefined;
}

const STRIKE = new KnownOptions<StrikeOptions>(
  { where: true, mode: true, reason: true, by: true, expiresIn: true },
  { expires: 'expiresIn', ttl: 'expiresIn', hold: "mode: 'hold'" },
);

const RESTORE = new KnownOptions<StrikeSelection>({ where: true });

const MAP = 'strikes';

/** Strikes in force in the whole fleet, as this process knows them. */
@Injectable()
export class Strikes implements AdditionGuard {
  /** Emits when others are in force than before. */
  readonly changes$ = new Subject<void>();
  private list = new StrikeList([]);
  private byId = new Map<string, Strike>();
  private readonly texts = new Map<
    string,
    { readonly text: string; readonly strike: Strike; readonly target: string }
  >();
  /** Changes with what is in force. */
  version = '';
  private mapVersion: string | undefined;
  private readonly map: WatchedMap;
  private cancelExpiry: (() => void) | undefined;
  /** Parameters that a line has warned of. */
  private readonly warned = new Set<string>();

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly registry: DurableRegistry,
    private readonly log: QueueLog,
  ) {
    this.map = new WatchedMap(broker, clock, MAP, (entries, version) => {
      this.byId = new Map([...entries].flatMap(([id, text]) => this.decode(id, text)));
      this.take(version, [...this.byId.values()]);
    });
  }

  get isLoaded(): boolean {
    return this.map.isLoaded;
  }

  get all(): readonly Strike[] {
    const now = this.clock.now();
    return this.list.strikes.filter(({ expiresAt }) => expiresAt === undefined || expiresAt.getTime() > now);
  }

  /** Resolves when those that were in force before the call are known here. */
  load(): Promise<void> {
    return this.map.load();
  }

  /** Resolves when all strikes of now are known here. */
  refresh(): Promise<void> {
    return this.map.read();
  }

  /** Finds the strike on an execution. */
  find(candidate: Candidate): Strike | undefined {
    return this.list.strikes.length === 0 ? undefined : this.list.find(candidate, this.clock.now());
  }

  refusalOf(task: string, args: readonly unknown[]): Refusal | undefined {
    if (this.list.strikes.length === 0) return undefined;
    const strike = this.find({ task, args, parameters: this.registry.find(task)?.parameters });
    return strike && { mode: strike.mode, reason: describeStrike(strike) };
  }

  /** Tells whether a strike is in force that holds. */
  holds(id: string): boolean {
    const strike = this.byId.get(id);
    return strike?.mode === 'hold' && (strike.expiresAt === undefined || strike.expiresAt.getTime() > this.clock.now());
  }

  /**
   * @throws {TaskArgumentError} {@link TasksUsageError} `UNKNOWN_PARAMETER`
   */
  async strike(
    task: string | null,
    parameter: unknown,
    operator: unknown,
    value: unknown,
    options: StrikeOptions,
  ): Promise<Strike> {
    checkCallOptions(STRIKE, options, 'strike()');
    const { where, mode = 'drop', reason, by, expiresIn } = options;
    if (mode !== 'drop' && mode !== 'hold') throw new TaskArgumentError('strike()', 'mode', mode, "'drop' or 'hold'");
    if (reason !== undefined) requireReason('strike()', reason);
    if (by !== undefined) requireActor('strike()', by);
    const target = strikeTarget('strike()', task, ...conditionOf('strike()', [parameter, operator, value], where));
    this.checkParameter(target);
    const now = this.clock.now();
    const expiresAt = expiresIn === undefined ? undefined : new Date(now + parseDuration('expiresIn', expiresIn, 1));
    const strike: Strike = Object.freeze({
      ...target,
      mode,
      reason,
      ...(by !== undefined && { by }),
      since: new Date(now),
      expiresAt,
    });
    await this.load();
    await this.broker.maps.write(MAP, this.storedId(target), encodeStrike(strike));
    await this.map.read();
    this.log.struckOut(strike);
    return strike;
  }

  /** @returns whether there was one. */
  async restore(
    task: string | null,
    parameter: unknown,
    operator: unknown,
    value: unknown,
    options: StrikeSelection = {},
  ): Promise<boolean> {
    checkCallOptions(RESTORE, options, 'restore()');
    const condition = conditionOf('restore()', [parameter, operator, value], options.where);
    const target = strikeTarget('restore()', task, ...condition);
    await this.load();
    const wasThere = await this.broker.maps.erase(MAP, this.storedId(target));
    await this.map.read();
    if (wasThere) this.log.restoredStrike(target);
    return wasThere;
  }

  close(): void {
    this.map.close();
    this.cancelExpiry?.();
    this.changes$.complete();
  }

  private checkParameter({ task, parameter }: StrikeTarget): void {
    const known = task === null || parameter === undefined ? undefined : this.registry.find(task);
    if (known === undefined || parameter === undefined || known.parameters.mayHave(parameter)) return;
    throw unknownParameter(known.name, parameter, known.parameters.names);
  }

  /** Id that a strike on the same target has: earlier versions named some of them in another way. */
  private storedId(strike: StrikeTarget): string {
    const wanted = strikeId(strike);
    if (this.byId.has(wanted)) return wanted;
    for (const [id, { target }] of this.texts) if (target === wanted) return id;
    return wanted;
  }

  /** Decodes a strike, or returns the known one: of ten thousand, one has changed. */
  private decode(id: string, text: string): [string, Strike][] {
    const known = this.texts.get(id);
    if (known?.text === text) return [[id, known.strike]];
    const strike = decodeStrike(text);
    if (strike === undefined) {
      this.log.unreadable(`strike ${id}`);
      return [];
    }
    this.texts.set(id, { text, strike, target: strikeId(strike) });
    return [[id, strike]];
  }

  private take(version: string, strikes: readonly Strike[]): void {
    const isFirst = this.mapVersion === undefined;
    this.mapVersion = version;
    const now = this.clock.now();
    for (const [id, { expiresAt }] of this.byId) {
      // Whoever reads it first takes it away.
      if (expiresAt === undefined || expiresAt.getTime() > now) continue;
      this.broker.maps.erase(MAP, id, { expected: this.texts.get(id)?.text }).catch(() => {}); // it may have been renewed
    }
    for (const id of this.texts.keys()) if (!this.byId.has(id)) this.texts.delete(id);
    this.list = new StrikeList(strikes, (task, parameter) => this.warn(task, parameter));
    this.version = `${version} ${this.all.length}`;
    this.awaitExpiry();
    if (!isFirst || strikes.length > 0) this.changes$.next();
  }

  private awaitExpiry(): void {
    this.cancelExpiry?.();
    const now = this.clock.now();
    const first = this.all.reduce(
      (least, { expiresAt }) => Math.min(least, expiresAt?.getTime() ?? Infinity),
      Infinity,
    );
    if (first === Infinity) return;
    this.cancelExpiry = this.clock.schedule(Math.min(first - now, 2 ** 31 - 1), () => {
      const { strikes } = this.list;
      if (this.mapVersion !== undefined) this.take(this.mapVersion, strikes);
    });
  }

  private warn(task: string, parameter: string): void {
    const what = JSON.stringify([task, parameter]);
    if (this.warned.has(what)) return;
    this.warned.add(what);
    this.log.unlikeStrike(task, parameter);
  }
}
