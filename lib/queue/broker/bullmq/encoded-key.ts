import { createHash } from 'node:crypto';

const LONGEST_KEY = 256;

/**
 * Encodes a key so that both databases can keep it: PostgreSQL knows no NUL and indexes no long texts, and half a
 * surrogate pair would become the same replacement character as any other.
 */
export function encodeKey(key: string): string {
  if (key.length > LONGEST_KEY) return `%#${createHash('sha256').update(key, 'utf16le').digest('base64url')}`;
  // oxlint-disable-next-line no-control-regex -- NUL is what it looks for
  return key.replace(/[%\0]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, (char) => {
    return `%${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Encodes the beginning of keys. Half a surrogate pair at its end is left out: with its other half it is encoded otherwise. */
export function encodePrefix(prefix: string): string {
  return encodeKey(prefix.replace(/[\uD800-\uDBFF]$/, ''));
}

/** Decodes a key, unless it was too long to be kept in full. */
export function decodeKey(encoded: string): string | undefined {
  if (encoded.startsWith('%#')) return undefined;
  return encoded.replace(/%([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}
