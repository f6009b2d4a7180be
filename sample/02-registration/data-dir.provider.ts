import { mkdir } from 'node:fs/promises';
import type { FactoryProvider } from '@nestjs/common';

/** The folder of all files that this app writes. */
export const DATA_DIR = Symbol('DATA_DIR');

export const dataDirProvider: FactoryProvider<string> = {
  provide: DATA_DIR,
  useFactory: async () => {
    const folder = process.env.DATA_DIR ?? '.data/02-registration';
    await mkdir(folder, { recursive: true });
    return folder;
  },
};
