import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import { QUIET, type EntryName, type Erasure, type SharedMap } from '../../broker.js';
import { ERASE_ENTRY, HOLD, READ_MAP, SET_NOTE, UNLOCK, WRITE_ENTRY, WRITE_MINUTE } from './lua.generated.js';
import { minutesIn, TIMELINE_RETENTION, type MinuteRecord } from '../../timeline-store.js';
import type { NoteKind, SideStore } from '../side-store.js';

/** Minutes of the timeline that are asked for at once. */
const MINUTES_AT_ONCE = 500;

interface Commands {
  tasksSetNote(key: string, value: string, ttl: number): Promise<number>;
  tasksUnlock(key: string, token: string): Promise<number>;
  tasksTake(key: string, holder: string, ttl: number): Promise<number>;
  tasksWriteMinute(key: string, source: string, text: string, ttl: number): Promise<number>;
  tasksReadMap(versions: string, key: string, map: string, version: string): Promise<[string, string[]] | null>;
  /** @param keys how many of the arguments are keys. */
  tasksWriteEntry(keys: number, ...keysAndEntry: string[]): Promise<number>;
  tasksEraseEntry(keys: number, ...keysAndEntry: string[]): Promise<number>;
}

/** Keys of ours: `prefix:name/…`, where BullMQ's are `prefix:name:…`. */
export class RedisSideStore implements SideStore {
  private readonly base: string;
  private readonly commands: Commands;

  constructor(
    private readonly client: Redis,
    { prefix, name }: ResolvedQueueOptions,
  ) {
    this.base = `${prefix}:${name}/`;
    client.defineCommand('tasksSetNote', { numberOfKeys: 1, lua: SET_NOTE });
    client.defineCommand('tasksUnlock', { numberOfKeys: 1, lua: UNLOCK });
    client.defineCommand('tasksTake', { numberOfKeys: 1, lua: HOLD });
    client.defineCommand('tasksWriteMinute', { numberOfKeys: 1, lua: WRITE_MINUTE });
    client.defineCommand('tasksReadMap', { numberOfKeys: 2, lua: READ_MAP });
    client.defineCommand('tasksWriteEntry', { lua: WRITE_ENTRY });
    client.defineCommand('tasksEraseEntry', { lua: ERASE_ENTRY });
    this.commands = client as unknown as Commands; // ioredis adds them to the instance
  }

  async setNote(kind: NoteKind, key: string, value: string, ttl: number): Promise<void> {
    await this.commands.tasksSetNote(this.noteKey(kind, key), value, Math.max(1, Math.ceil(ttl)));
  }

  async getNotes(kind: NoteKind, keys: readonly string[]): Promise<(string | undefined)[]> {
    if (keys.length === 0) return [];
    const values = await this.client.mget(keys.map((key) => this.noteKey(kind, key)));
    return values.map((value) => value ?? undefined);
  }

  async deleteNote(kind: NoteKind, key: string): Promise<void> {
    await this.client.del(this.noteKey(kind, key));
  }

  async get(map: string, field: string): Promise<string | undefined> {
    return (await this.client.hget(this.mapKey(map), field)) ?? undefined;
  }

  async read(map: string, version = '-'): Promise<SharedMap | undefined> {
    const answer = await this.commands.tasksReadMap(this.versions, this.mapKey(map), map, version);
    if (answer === null) return undefined;
    const [current, texts] = answer;
    const entries = new Map<string, string>();
    for (let at = 0; at + 1 < texts.length; at += 2) entries.set(String(texts[at]), String(texts[at + 1]));
    return { version: current, entries };
  }

  async write(map: string, field: string, value: string, owner?: EntryName): Promise<void> {
    const keys = [this.versions, this.mapKey(map), ...(owner === undefined ? [] : [this.mapKey(owner.map)])];
    const entry = [map, newVersion(map), field, value, owner?.field ?? ''];
    await this.commands.tasksWriteEntry(keys.length, ...keys, ...entry);
  }

  async erase(map: string, field: string, { expected, owned, keptBy }: Erasure = {}): Promise<boolean> {
    const keys = [this.versions, this.mapKey(map)];
    if (owned !== undefined) keys.push(this.mapKey(owned));
    if (owned !== undefined && keptBy !== undefined) keys.push(this.keptKey(keptBy.id));
    const ttl = String(Math.max(1, Math.ceil(keptBy?.ttl ?? 0)));
    const entry = [map, newVersion(map), field, ttl, ...(expected === undefined ? [] : [expected])];
    return (await this.commands.tasksEraseEntry(keys.length, ...keys, ...entry)) === 1;
  }

  async kept(id: string): Promise<ReadonlyMap<string, string>> {
    return new Map(Object.entries(await this.client.hgetall(this.keptKey(id))));
  }

  async deleteKept(id: string): Promise<void> {
    await this.client.del(this.keptKey(id));
  }

  size(map: string): Promise<number> {
    return this.client.hlen(this.mapKey(map));
  }

  async lock(name: string, ttl: number): Promise<string | undefined> {
    const token = randomUUID();
    return (await this.client.set(this.lockKey(name), token, 'PX', ttl, 'NX')) === null ? undefined : token;
  }

  async unlock(name: string, token: string): Promise<void> {
    await this.commands.tasksUnlock(this.lockKey(name), token);
  }

  async take(name: string, holder: string, ttl: number): Promise<boolean> {
    return (await this.commands.tasksTake(this.lockKey(name), holder, ttl)) === 1;
  }

  async writeMinute({ minute, source, text }: MinuteRecord): Promise<void> {
    await this.commands.tasksWriteMinute(this.minuteKey(minute), source, text, TIMELINE_RETENTION);
  }

  async readMinutes(from: number, to: number): Promise<MinuteRecord[]> {
    const found: MinuteRecord[] = [];
    for (const minutes of minutesIn(from, to, MINUTES_AT_ONCE)) {
      const records = await Promise.all(minutes.map((minute) => this.readMinute(minute)));
      found.push(...records.flat());
    }
    return found;
  }

  async purge(): Promise<void> {
    // Redis forgets notes by itself.
  }

  private async readMinute(minute: number): Promise<MinuteRecord[]> {
    const texts = await this.client.hgetall(this.minuteKey(minute)).catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('WRONGTYPE')) throw error;
      return { [error.message]: '' }; // an entry that cannot be read
    });
    return Object.entries(texts).map(([source, text]) => ({ minute, source, text }));
  }

  private get versions(): string {
    return `${this.base}maps`;
  }

  private mapKey(map: string): string {
    return `${this.base}map:${map}`;
  }

  private keptKey(id: string): string {
    return `${this.base}kept-map:${id}`;
  }

  private noteKey(kind: NoteKind, key: string): string {
    return `${this.base}${kind}:${key}`;
  }

  private minuteKey(minute: number): string {
    return `${this.base}timeline:${minute}`;
  }

  private lockKey(name: string): string {
    return `${this.base}lock:${name}`;
  }
}

/** Returns the next version of a map; none for one that has none. */
function newVersion(map: string): string {
  return map.startsWith(QUIET) ? '' : randomUUID();
}
