/** Path of the first of these programs that a folder of PATH holds. */
export function programOnPath(names: readonly string[], PATH?: string): string | undefined;

export function isExecutable(file: string): boolean;
