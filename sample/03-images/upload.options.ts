import { randomUUID } from 'node:crypto';
import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { MulterModuleOptions } from '@nestjs/platform-express';
import { diskStorage } from 'multer';

const TYPES = ['image/jpeg', 'image/png', 'image/webp'];

export const MAX_UPLOAD_BYTES = 10 * 1024 * 1024;

export function uploadOptions(destination: string): MulterModuleOptions {
  return {
    limits: { fileSize: MAX_UPLOAD_BYTES, files: 1 },
    storage: diskStorage({
      destination,
      // Never the client's file name: it may hold `../`, and two clients may choose the same.
      filename: (_request, _file, done) => done(null, randomUUID()),
    }),
    // Only what the client says it sends, but known before a byte is written. What it did send is seen when rendered.
    fileFilter: (_request, file, done) => {
      if (TYPES.includes(file.mimetype)) done(null, true);
      else done(new UnsupportedMediaTypeException(`image must be one of ${TYPES.join(', ')}`), false);
    },
  };
}
