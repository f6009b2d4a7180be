/** Address of a file or folder of the repository. */
export function addressOf(path: string): string;
