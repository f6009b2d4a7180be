import type { EntryName, SharedMap, SharedMaps } from '../broker.js';
import type { Session } from './session.js';

/** Shared maps in our store beside BullMQ's jobs. */
export class BullMqMaps implements SharedMaps {
  constructor(private readonly session: Session) {}

  async read(map: string, version?: string): Promise<SharedMap | undefined> {
    const { connections } = await this.session.open();
    return connections.answer(() => connections.store.readBook(map, version));
  }

  async write(map: string, field: string, value: string, owner?: EntryName): Promise<void> {
    const { connections, fleetSignals } = await this.session.open();
    await connections.answer(() => connections.store.writeEntry(map, field, value, owner));
    fleetSignals.send({ type: 'map', map });
  }

  async erase(map: string, field: string, expected?: string): Promise<boolean> {
    const { connections, fleetSignals } = await this.session.open();
    const wasThere = await connections.answer(() => connections.store.eraseEntry(map, field, expected));
    if (wasThere) fleetSignals.send({ type: 'map', map });
    return wasThere;
  }

  async size(map: string): Promise<number> {
    const { connections } = await this.session.open();
    return connections.answer(() => connections.store.sizeOfBook(map));
  }

  async eraseAll(map: string, owner: EntryName): Promise<void> {
    const { connections, fleetSignals } = await this.session.open();
    await connections.answer(() => connections.store.eraseBook(map, owner));
    fleetSignals.send({ type: 'map', map: owner.map });
  }
}
