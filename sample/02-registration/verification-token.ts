import { createHash, randomBytes } from 'node:crypto';

/** In milliseconds. */
export const TOKEN_LIFETIME = 24 * 3_600_000;

/** The user's id, a dot, and a secret: who has it reads the user's mail. */
export function createToken(userId: string): string {
  return `${userId}.${randomBytes(32).toString('base64url')}`;
}

/** Fast, as it may be for a secret that nobody can guess: a password needs another. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
