// Pages of the built site and the links between them. VitePress checks no anchors, images and buttons.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix, sep } from 'node:path';

const LINK = /<(?:a|img|script|link)\s[^>]*?\b(?:href|src)="([^"]+)"/g;
const ID = /\s(?:id|name)="([^"]+)"/g;

/** Mistakes, one line each, and how many links were looked at. */
export function checkSite(folder, base) {
  const texts = new Map(
    readdirSync(folder, { recursive: true })
      .filter((name) => name.endsWith('.html'))
      .map((name) => [name.split(sep).join('/'), readFileSync(join(folder, name), 'utf8')]),
  );
  const anchors = new Map([...texts].map(([name, text]) => [name, idsOf(text)]));
  const mistakes = new Set();
  let count = 0;
  for (const [name, text] of texts) {
    // VitePress goes on after an error in a component, and leaves an empty page behind.
    if (name !== '404.html' && !text.includes('<h1')) mistakes.add(`${name} has no heading`);
    for (const [, raw] of text.matchAll(LINK)) {
      const link = raw.replaceAll('&amp;', '&');
      if (/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(link)) continue;
      count += 1;
      const [path, anchor] = link.split('#').map(decodeURIComponent);
      const target = path === '' ? name : fileOf(folder, pathIn(path, name, base));
      if (target === undefined) mistakes.add(`${name}: ${link} leads nowhere`);
      else if (anchor && !anchors.get(target)?.has(anchor)) mistakes.add(`${name}: ${link} names no heading`);
    }
  }
  return { mistakes: [...mistakes], count, pages: texts.size };
}

function idsOf(text) {
  return new Set([...text.matchAll(ID)].map(([, id]) => id.replaceAll('&amp;', '&')));
}

function pathIn(path, page, base) {
  if (!path.startsWith('/')) return posix.join(posix.dirname(page), path);
  return path.startsWith(base) ? path.slice(base.length) : `outside of ${base}`;
}

/** File that a server answers with, for an address without its `.html`. */
function fileOf(folder, path) {
  const names = [path, `${path}.html`, posix.join(path, 'index.html')];
  return names.find((name) => existsSync(join(folder, name)) && statSync(join(folder, name)).isFile());
}
