import { readFile } from 'node:fs/promises';
import { Controller, Get, Header } from '@nestjs/common';

/** Beside this file, also when it was compiled. */
const read = (name: string): Promise<string> => readFile(new URL(`./public/${name}`, import.meta.url), 'utf8');

@Controller()
export class PageController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', "default-src 'self'; style-src 'self' 'unsafe-inline'")
  page(): Promise<string> {
    return read('index.html');
  }

  @Get('shop.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  script(): Promise<string> {
    return read('shop.js');
  }
}
