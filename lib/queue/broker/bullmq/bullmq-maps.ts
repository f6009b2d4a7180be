import { QUIET, type EntryName, type Erasure, type SharedMap, type SharedMaps } from '../broker.js';
import type { Session } from './session.js';

/** Shared maps in our store beside BullMQ's jobs. */
export class BullMqMaps implements SharedMaps {
  constructor(private readonly session: Session) {}

  async read(map: string, version?: string): Promise<SharedMap | undefined> {
    const { connections } = await this.session.open();
    return connections.answer(() => connections.store.read(map, version));
  }

  async write(map: string, field: string, value: string, owner?: EntryName): Promise<void> {
    const { connections } = await this.session.open();
    await connections.answer(() => connections.store.write(map, field, value, owner));
    this.tell(map);
  }

  async erase(map: string, field: string, erasure?: Erasure): Promise<boolean> {
    const { connections } = await this.session.open();
    const wasThere = await connections.answer(() => connections.store.erase(map, field, erasure));
    if (wasThere) this.tell(map);
    return wasThere;
  }

  async size(map: string): Promise<number> {
    const { connections } = await this.session.open();
    return connections.answer(() => connections.store.size(map));
  }

  async kept(id: string): Promise<ReadonlyMap<string, string>> {
    const { connections } = await this.session.open();
    return connections.answer(() => connections.store.kept(id));
  }

  private tell(map: string): void {
    if (!map.startsWith(QUIET)) this.session.site?.fleetSignals.send({ type: 'map', map });
  }
}
