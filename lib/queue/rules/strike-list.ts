import { locateKey, type Parameters } from '../declaration/parameters.js';
import { arrivingValue, identityOf, typeOf, type Strike } from './strike.js';

/** Execution that may be struck. */
export interface Candidate {
  readonly task: string;
  readonly args: readonly unknown[];
  /** Parameters, where this process declares the task. */
  readonly parameters: Parameters | undefined;
}

type Ordered = number | bigint | string | Date;

/** Strikes on one parameter: found by value where possible, so that many cost no more than one. */
class ParameterStrikes {
  readonly #types = new Set<string>();
  readonly #equal = new Map<string, Strike[]>();
  readonly #unequal: Strike[] = [];
  /** Strikes by operator and type, the easiest to meet first. */
  readonly #ordered = new Map<string, Strike[]>();
  readonly #between: Strike[] = [];

  add(strike: Strike): void {
    const { operator, value } = strike;
    switch (operator) {
      case '==':
        return this.#addEqual(strike, value);
      case 'in':
        for (const each of value as unknown[]) this.#addEqual(strike, each);
        return;
      case '!=':
        this.#types.add(typeOf(value));
        this.#unequal.push(strike);
        return;
      case 'between':
        this.#types.add(typeOf((value as unknown[])[0]));
        this.#between.push(strike);
        return;
      case undefined:
        return;
      default: {
        this.#types.add(typeOf(value));
        const place = `${operator} ${typeOf(value)}`;
        pushTo(this.#ordered, place, strike);
      }
    }
  }

  /** Sorts the strikes, once all have been added. */
  sort(): void {
    for (const [place, strikes] of this.#ordered) {
      const direction = place.startsWith('>') ? 1 : -1;
      strikes.sort((a, b) => direction * compare(a.value as Ordered, b.value as Ordered));
    }
  }

  /** Tells whether any strike can be compared with a value of this type. */
  takes(value: unknown): boolean {
    return this.#types.has(typeOf(value));
  }

  /** Finds the first accepted strike that a value meets. */
  find(value: unknown, accepts: (strike: Strike) => boolean): Strike | undefined {
    const type = typeOf(value);
    const identity = identityOf(value);
    const equal = this.#equal.get(identity)?.find(accepts);
    if (equal !== undefined) return equal;
    const isUnequal = (strike: Strike): boolean =>
      typeOf(strike.value) === type && identityOf(strike.value) !== identity && accepts(strike);
    const unequal = this.#unequal.length === 0 ? undefined : this.#unequal.find(isUnequal);
    if (unequal !== undefined || isNoValue(value)) return unequal;
    return this.#findOrdered(value, type, accepts) ?? this.#findBetween(value, type, accepts);
  }

  #findOrdered(value: unknown, type: string, accepts: (strike: Strike) => boolean): Strike | undefined {
    if (this.#ordered.size === 0) return undefined;
    for (const operator of ['<', '<=', '>', '>=']) {
      for (const strike of this.#ordered.get(`${operator} ${type}`) ?? []) {
        if (!meets(operator, compare(value as Ordered, strike.value as Ordered))) break; // nor does any after it
        if (accepts(strike)) return strike;
      }
    }
    return undefined;
  }

  #findBetween(value: unknown, type: string, accepts: (strike: Strike) => boolean): Strike | undefined {
    return this.#between.find((strike) => {
      const [low, high] = strike.value as [Ordered, Ordered];
      if (typeOf(low) !== type) return false;
      return compare(value as Ordered, low) >= 0 && compare(value as Ordered, high) <= 0 && accepts(strike);
    });
  }

  #addEqual(strike: Strike, value: unknown): void {
    this.#types.add(typeOf(value));
    pushTo(this.#equal, identityOf(value), strike);
  }
}

/** Strikes on one task, or on all. */
class TaskStrikes {
  readonly whole: Strike[] = [];
  readonly byParameter = new Map<string, ParameterStrikes>();

  add(strike: Strike): void {
    if (strike.parameter === undefined) {
      this.whole.push(strike);
      return;
    }
    const strikes = this.byParameter.get(strike.parameter) ?? new ParameterStrikes();
    strikes.add(strike);
    this.byParameter.set(strike.parameter, strikes);
  }
}

const ANY = Symbol('any task');

/** Strikes in force, found by execution. */
export class StrikeList {
  private readonly byTask = new Map<string | typeof ANY, TaskStrikes>();
  private readonly hasDrops: boolean;
  private readonly hasHolds: boolean;

  constructor(
    readonly strikes: readonly Strike[],
    /** Told of a parameter whose value is of a type that no strike can be compared with. */
    private readonly onUnlike: (task: string, parameter: string) => void = () => {},
  ) {
    this.hasDrops = strikes.some(({ mode }) => mode === 'drop');
    this.hasHolds = strikes.some(({ mode }) => mode === 'hold');
    for (const strike of strikes) {
      const key: string | typeof ANY = strike.task ?? ANY;
      const ofTask = this.byTask.get(key) ?? new TaskStrikes();
      ofTask.add(strike);
      this.byTask.set(key, ofTask);
    }
    for (const { byParameter } of this.byTask.values()) for (const each of byParameter.values()) each.sort();
  }

  /**
   * Finds the strike on an execution. A strike that drops comes before one that holds: a user has asked for just that.
   */
  find(candidate: Candidate, now: number): Strike | undefined {
    const isOn = (mode: Strike['mode']) => (strike: Strike) =>
      strike.mode === mode && (strike.expiresAt === undefined || strike.expiresAt.getTime() > now);
    const found = this.hasDrops ? this.first(candidate, isOn('drop')) : undefined;
    return found ?? (this.hasHolds ? this.first(candidate, isOn('hold')) : undefined);
  }

  private first({ task, args, parameters }: Candidate, accepts: (strike: Strike) => boolean): Strike | undefined {
    for (const strikes of [this.byTask.get(task), this.byTask.get(ANY)]) {
      if (strikes === undefined) continue;
      const whole = strikes.whole.find(accepts);
      if (whole !== undefined) return whole;
      for (const [name, ofParameter] of strikes.byParameter) {
        const located = parameters === undefined ? locateKey(args, name) : parameters.locate(args, name);
        if (!located.isFound || located.value === undefined) continue;
        const value = arrivingValue(located.value);
        if (!ofParameter.takes(value)) {
          this.onUnlike(task, name);
          continue;
        }
        const found = ofParameter.find(value, accepts);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }
}

function pushTo(map: Map<string, Strike[]>, key: string, strike: Strike): void {
  const strikes = map.get(key);
  if (strikes === undefined) map.set(key, [strike]);
  else strikes.push(strike);
}

/** NaN, or a Date that is none: less than nothing, and greater than nothing. */
function isNoValue(value: unknown): boolean {
  return Number.isNaN(value instanceof Date ? value.getTime() : value);
}

function compare(a: Ordered, b: Ordered): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function meets(operator: string, order: number): boolean {
  switch (operator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    default:
      return order >= 0;
  }
}
