const PORTS: Readonly<Record<string, string>> = { 'redis:': '6379', 'rediss:': '6379', 'mysql:': '3306' };

const LABELS: Readonly<Record<string, string>> = {
  'redis:': 'Redis',
  'rediss:': 'Redis',
  'postgres:': 'PostgreSQL',
  'postgresql:': 'PostgreSQL',
  'mysql:': 'MySQL',
};

/** Server of a url with its host and port, such as `Redis at localhost:6379`: nothing else of it, which may be secret. */
export function serverName(url: string): string {
  if (!URL.canParse(url)) return 'the server';
  const { protocol, hostname, port } = new URL(url);
  const label = LABELS[protocol] ?? 'the server';
  return hostname === '' ? label : `${label} at ${hostname}:${port === '' ? (PORTS[protocol] ?? '5432') : port}`;
}
