/** Command that brings Redis or a browser to this system. */
export function installCommand(
  product: 'redis' | 'browser',
  system?: { platform?: NodeJS.Platform; PATH?: string | undefined },
): string;
