import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);

/** Salted, and made in Node's thread pool: scryptSync would stop all other requests meanwhile. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, 32);
  return `scrypt:${salt.toString('base64url')}:${key.toString('base64url')}`;
}
