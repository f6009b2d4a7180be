import sharp from 'sharp';

const FORMATS = new Set(['jpeg', 'png', 'webp']);
/** A few kilobytes can unpack to gigabytes. */
const MAX_PIXELS = 50_000_000;

export interface Renditions {
  readonly format: string;
  readonly thumbnail: Buffer;
  readonly web: Buffer;
}

export class UnreadableImageError extends Error {
  constructor(options?: ErrorOptions) {
    super('the file is not a JPEG, PNG or WebP image, or is damaged', options);
  }
}

/**
 * Decodes, scales and encodes. sharp does so in libvips' own threads, so the event loop goes on serving requests.
 *
 * @throws {UnreadableImageError} whatever sharp says, which is nothing for clients: it names paths of this machine.
 */
export async function render(path: string): Promise<Renditions> {
  try {
    const image = sharp(path, { limitInputPixels: MAX_PIXELS }).autoOrient();
    const { format } = await image.metadata();
    if (!FORMATS.has(format)) throw new Error(`Unwanted format ${format}`);
    const [thumbnail, web] = await Promise.all([
      image.clone().resize(200, 200).webp().toBuffer(),
      image.clone().resize(1600, 1600, { fit: 'inside', withoutEnlargement: true }).webp().toBuffer(),
    ]);
    return { format, thumbnail, web };
  } catch (cause) {
    throw new UnreadableImageError({ cause });
  }
}
