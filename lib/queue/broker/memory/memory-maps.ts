import type { MemoryExecution } from './memory-execution.js';
import { QUIET, type EntryName, type Erasure, type SharedMap, type SharedMaps } from '../broker.js';

interface MutableMap {
  version: string;
  readonly entries: Map<string, string>;
}

const NO_MAP: SharedMap = { version: '', entries: new Map() };

/** Shared maps of a memory broker. */
export class MemoryMaps implements SharedMaps {
  private readonly maps = new Map<string, MutableMap>();
  private readonly keptMaps = new WeakMap<MemoryExecution, ReadonlyMap<string, string>>();
  private changes = 0;

  /**
   * @param onChange told of each map that changes.
   * @param find finds an execution by its id.
   */
  constructor(
    private readonly onChange: (map: string) => void,
    private readonly find: (id: string) => MemoryExecution | undefined,
  ) {}

  read(map: string, version?: string): Promise<SharedMap | undefined> {
    const { version: current, entries } = this.maps.get(map) ?? NO_MAP;
    return Promise.resolve(current === version ? undefined : { version: current, entries });
  }

  size(map: string): Promise<number> {
    return Promise.resolve(this.maps.get(map)?.entries.size ?? 0);
  }

  write(map: string, field: string, value: string, owner?: EntryName): Promise<void> {
    if (owner === undefined || this.has(owner)) this.change(map, (entries) => entries.set(field, value));
    return Promise.resolve();
  }

  erase(map: string, field: string, { expected, owned, keptBy }: Erasure = {}): Promise<boolean> {
    const value = this.maps.get(map)?.entries.get(field);
    if (expected !== undefined && value !== expected) return Promise.resolve(false);
    const wasThere = value !== undefined;
    if (owned !== undefined) {
      if (keptBy !== undefined) this.keep(owned, keptBy.id);
      this.maps.delete(owned);
    }
    if (wasThere) this.change(map, (entries) => entries.delete(field));
    return Promise.resolve(wasThere);
  }

  kept(id: string): Promise<ReadonlyMap<string, string>> {
    const keeper = this.find(id);
    return Promise.resolve((keeper && this.keptMaps.get(keeper)) ?? NO_MAP.entries);
  }

  private keep(map: string, id: string): void {
    const [keeper, kept] = [this.find(id), this.maps.get(map)];
    if (keeper !== undefined && kept !== undefined) this.keptMaps.set(keeper, kept.entries);
  }

  private has({ map, field }: EntryName): boolean {
    return this.maps.get(map)?.entries.has(field) === true;
  }

  private change(map: string, change: (entries: Map<string, string>) => void): void {
    const known = this.maps.get(map) ?? { version: '', entries: new Map<string, string>() };
    change(known.entries);
    this.maps.set(map, known);
    if (map.startsWith(QUIET)) return;
    this.changes += 1;
    known.version = String(this.changes);
    this.onChange(map);
  }
}
