import { readFile } from 'node:fs/promises';
import { Controller, Get, Header, NotFoundException, Param, StreamableFile } from '@nestjs/common';

const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'shop.js': 'text/javascript; charset=utf-8',
  'favicon.svg': 'image/svg+xml',
};

@Controller()
export class PageController {
  @Get()
  @Header('Content-Security-Policy', "default-src 'self'")
  page(): Promise<StreamableFile> {
    return this.asset('index.html');
  }

  @Get('assets/:name')
  async asset(@Param('name') name: string): Promise<StreamableFile> {
    if (!Object.hasOwn(TYPES, name)) throw new NotFoundException();
    // Beside this file, also when it was compiled.
    const file = await readFile(new URL(`./public/${name}`, import.meta.url));
    return new StreamableFile(file, { type: TYPES[name] ?? '' });
  }
}
