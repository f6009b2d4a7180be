import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import type { SharedMap, EntryName } from '../../broker.js';
import { DELETE_ENTRY_IF, ERASE_BOOK, ERASE_ENTRY, READ_BOOK, SET_NOTE, UNLOCK, WRITE_ENTRY } from './lua.generated.js';
import type { NoteKind, RosterName, SideStore } from '../side-store.js';

interface Commands {
  tasksSetNote(key: string, value: string, ttl: number): Promise<number>;
  tasksDeleteEntryIf(key: string, field: string, expected: string): Promise<number>;
  tasksUnlock(key: string, token: string): Promise<number>;
  tasksReadBook(versions: string, key: string, book: string, version: string): Promise<[string, string[]] | null>;
  tasksWriteEntry(
    versions: string,
    key: string,
    ownerKey: string,
    book: string,
    version: string,
    field: string,
    value: string,
    ownerField: string,
  ): Promise<number>;
  tasksEraseBook(
    versions: string,
    key: string,
    ownerKey: string,
    book: string,
    ownerBook: string,
    ownerField: string,
    version: string,
  ): Promise<number>;
  tasksEraseEntry(versions: string, key: string, book: string, version: string, ...entry: string[]): Promise<number>;
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
    client.defineCommand('tasksDeleteEntryIf', { numberOfKeys: 1, lua: DELETE_ENTRY_IF });
    client.defineCommand('tasksUnlock', { numberOfKeys: 1, lua: UNLOCK });
    client.defineCommand('tasksReadBook', { numberOfKeys: 2, lua: READ_BOOK });
    client.defineCommand('tasksWriteEntry', { numberOfKeys: 3, lua: WRITE_ENTRY });
    client.defineCommand('tasksEraseEntry', { numberOfKeys: 2, lua: ERASE_ENTRY });
    client.defineCommand('tasksEraseBook', { numberOfKeys: 3, lua: ERASE_BOOK });
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

  async putEntry(roster: RosterName, field: string, value: string): Promise<void> {
    await this.client.hset(this.base + roster, field, value);
  }

  async getEntry(roster: RosterName, field: string): Promise<string | undefined> {
    return (await this.client.hget(this.base + roster, field)) ?? undefined;
  }

  async entries(roster: RosterName): Promise<[string, string][]> {
    return Object.entries(await this.client.hgetall(this.base + roster));
  }

  async deleteEntry(roster: RosterName, field: string, expected?: string): Promise<boolean> {
    const key = this.base + roster;
    const deleted =
      expected === undefined
        ? await this.client.hdel(key, field)
        : await this.commands.tasksDeleteEntryIf(key, field, expected);
    return deleted === 1;
  }

  async readBook(book: string, version = '-'): Promise<SharedMap | undefined> {
    const answer = await this.commands.tasksReadBook(this.versions, this.bookKey(book), book, version);
    if (answer === null) return undefined;
    const [current, texts] = answer;
    const entries = new Map<string, string>();
    for (let at = 0; at + 1 < texts.length; at += 2) entries.set(String(texts[at]), String(texts[at + 1]));
    return { version: current, entries };
  }

  async writeEntry(book: string, field: string, value: string, owner?: EntryName): Promise<void> {
    const key = this.bookKey(book);
    // A key that is no other stands in where there is no owner: those of a script must all be on one node.
    const ownerKey = owner === undefined ? key : this.bookKey(owner.map);
    const entry = [book, randomUUID(), field, value, owner?.field ?? ''] as const;
    await this.commands.tasksWriteEntry(this.versions, key, ownerKey, ...entry);
  }

  async eraseEntry(book: string, field: string, expected?: string): Promise<boolean> {
    const entry = expected === undefined ? [field] : [field, expected];
    const { versions } = this;
    return (await this.commands.tasksEraseEntry(versions, this.bookKey(book), book, randomUUID(), ...entry)) === 1;
  }

  sizeOfBook(book: string): Promise<number> {
    return this.client.hlen(this.bookKey(book));
  }

  async eraseBook(book: string, owner: EntryName): Promise<void> {
    const keys = [this.versions, this.bookKey(book), this.bookKey(owner.map)] as const;
    await this.commands.tasksEraseBook(...keys, book, owner.map, owner.field, randomUUID());
  }

  async lock(name: string, ttl: number): Promise<string | undefined> {
    const token = randomUUID();
    return (await this.client.set(this.lockKey(name), token, 'PX', ttl, 'NX')) === null ? undefined : token;
  }

  async unlock(name: string, token: string): Promise<void> {
    await this.commands.tasksUnlock(this.lockKey(name), token);
  }

  async purge(): Promise<void> {
    // Redis forgets notes by itself.
  }

  private get versions(): string {
    return `${this.base}books`;
  }

  private bookKey(book: string): string {
    return `${this.base}book:${book}`;
  }

  private noteKey(kind: NoteKind, key: string): string {
    return `${this.base}${kind}:${key}`;
  }

  private lockKey(name: string): string {
    return `${this.base}lock:${name}`;
  }
}
