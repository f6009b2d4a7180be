import type { IncomingHttpHeaders } from 'node:http';

/** Request of either adapter. */
export interface WriteRequest {
  readonly headers: IncomingHttpHeaders;
  /** Host with its port. Both adapters read `X-Forwarded-Host` for it where the application trusts its proxy. */
  readonly host?: unknown;
}

/** Header that no form can send, and a script of another site only after a preflight request. */
const OWN_HEADER = 'x-nestjs-tasks';

/**
 * Returns why a write may come from another site; `undefined` where it cannot. Browsers send `Sec-Fetch-Site` to https and to
 * localhost, and no script can forge it. Elsewhere the `Origin` is compared with the host. A request without both comes
 * from no page.
 */
export function foreignness(request: WriteRequest): string | undefined {
  const { headers } = request;
  if (headers[OWN_HEADER] !== '1') return `An action needs the header ${OWN_HEADER}: 1.`;
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') return 'An action needs the content-type application/json.';
  const site = headers['sec-fetch-site'];
  if (site !== undefined) {
    return site === 'same-origin' ? undefined : 'This action comes from another site (sec-fetch-site).';
  }
  if (headers.origin === undefined || hostOf(headers.origin) === ownHost(request)) return undefined;
  return 'This action comes from another site: its Origin is not the Host. Behind a proxy that changes Host, see docs/dashboard.md#behind-a-proxy.';
}

/** Not `X-Forwarded-Host` by itself: where CORS is open, a foreign script may send it. */
function ownHost({ host, headers }: WriteRequest): string | undefined {
  return (typeof host === 'string' ? host : (headers.host ?? '')).toLowerCase();
}

function hostOf(origin: string): string | undefined {
  const [, host] = /^https?:\/\/([^/]+)$/i.exec(origin) ?? [];
  return host?.toLowerCase();
}
