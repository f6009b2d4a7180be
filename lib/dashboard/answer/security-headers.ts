import type { AdapterReply } from './adapter-reply.js';

/** Policy of all answers: nothing but the dashboard's own files, nothing inline, no frame around it. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** Sets the headers of all answers, in place of those that the application has set. */
export function protect(reply: object): void {
  for (const [name, value] of Object.entries(HEADERS)) (reply as AdapterReply).header(name, value);
}
