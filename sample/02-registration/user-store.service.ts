import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { DATA_DIR } from './data-dir.provider.js';

export interface User {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
  /** Of the token in the latest mail. Gone once that was used. */
  verification?: Verification;
  status: 'pending' | 'mail-failed' | 'verified';
}

/** What is stored of a token: whoever reads the file can verify nobody. */
export interface Verification {
  readonly tokenHash: string;
  /** An ISO date. */
  readonly expiresAt: string;
}

/** All users, in one JSON file. */
@Injectable()
export class UserStore {
  private readonly path: string;
  private lastChange: Promise<unknown> = Promise.resolve();

  constructor(@Inject(DATA_DIR) folder: string) {
    this.path = join(folder, 'users.json');
  }

  async get(id: string): Promise<User | undefined> {
    return (await this.read()).find((user) => user.id === id);
  }

  /** @returns `false` when the address is taken. */
  add(user: User): Promise<boolean> {
    return this.change((users) => {
      if (users.some(({ email }) => email === user.email)) return false;
      users.push(user);
      return true;
    });
  }

  /** @returns `false` when the user is verified already. */
  expectVerification(id: string, verification: Verification): Promise<boolean> {
    return this.change((users) => {
      const user = users.find((candidate) => candidate.id === id && candidate.status !== 'verified');
      if (user === undefined) return false;
      user.verification = verification;
      return true;
    });
  }

  /** @returns `false` when the user has no such token, or it has expired. */
  verify(id: string, tokenHash: string): Promise<boolean> {
    return this.change((users) => {
      const user = users.find((candidate) => candidate.id === id && candidate.verification?.tokenHash === tokenHash);
      if (user?.verification === undefined || Date.parse(user.verification.expiresAt) < Date.now()) return false;
      user.status = 'verified';
      delete user.verification;
      return true;
    });
  }

  /** @returns `false` when the user does not wait for a mail. */
  markMailFailed(id: string): Promise<boolean> {
    return this.change((users) => {
      const user = users.find((candidate) => candidate.id === id && candidate.status === 'pending');
      if (user === undefined) return false;
      user.status = 'mail-failed';
      return true;
    });
  }

  /**
   * Stores what `edit` has changed, unless it returns `false`. One change at a time: two that start from the same users
   * would undo each other.
   */
  private change(edit: (users: User[]) => boolean): Promise<boolean> {
    const change = this.lastChange.then(async () => {
      const users = await this.read();
      const isChanged = edit(users);
      if (isChanged) await this.write(users);
      return isChanged;
    });
    this.lastChange = change.catch(() => {}); // a failed write is its caller's, and not the next one's
    return change;
  }

  private async read(): Promise<User[]> {
    try {
      return JSON.parse(await readFile(this.path, 'utf8')) as User[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Renaming replaces the file in one step: neither a reader nor a crash sees half of it. */
  private async write(users: User[]): Promise<void> {
    await writeFile(`${this.path}.tmp`, JSON.stringify(users, undefined, 2));
    await rename(`${this.path}.tmp`, this.path);
  }
}
