/** Command that brings Redis, MariaDB or a browser to this system. */
export function installCommand(
  product: 'redis' | 'mysql' | 'browser',
  system?: { platform?: NodeJS.Platform; PATH?: string | undefined },
): string;
