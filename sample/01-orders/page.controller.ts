import { readFile } from 'node:fs/promises';
import { Controller, Get, Header, NotFoundException, Param, StreamableFile } from '@nestjs/common';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

@Controller()
export class PageController {
  @Get()
  @Header('Content-Security-Policy', "default-src 'self'")
  page(): Promise<StreamableFile> {
    return this.asset('index.html');
  }

  /** @throws {NotFoundException} when the folder `public` has no such file. */
  @Get('assets/:name')
  async asset(@Param('name') name: string): Promise<StreamableFile> {
    const type = TYPES[/^[\w-]+\.(\w+)$/.exec(name)?.[1] ?? ''];
    if (type === undefined) throw new NotFoundException();
    try {
      // Beside this file, also when it was compiled.
      return new StreamableFile(await readFile(new URL(`./public/${name}`, import.meta.url)), { type });
    } catch {
      throw new NotFoundException();
    }
  }
}
