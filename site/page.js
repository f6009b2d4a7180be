// A page of docs/, written for a reader of the repository, as a page of the site.
import { posix } from 'node:path';
import { addressOf } from './repository.js';

const FENCE = /^\s*(`{3,}|~{3,})/;
const SETUP = /<!--\s*setup:[\s\S]*?-->\n*/g;
/** Code spans, which are kept as they are, or the target of a link. */
const LINK = /(`+)(?!`).*?(?<!`)\1(?!`)|(\]\(\s*<?)([^)\s>]+)|^(\[[^\]]+\]:\s*)(\S+)|(\b(?:href|src|srcset)=")([^"]+)/g;

/**
 * Text of the page without the comments that only the compiler of its code blocks reads. Links that leave docs/ lead to
 * the repository.
 */
export function pageOf(text) {
  let fence;
  return text
    .replaceAll(SETUP, '')
    .split('\n')
    .map((line) => {
      const [, mark] = FENCE.exec(line) ?? [];
      if (fence !== undefined) {
        if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
        return line;
      }
      fence = mark;
      return mark === undefined ? withLinks(line) : line;
    })
    .join('\n');
}

function withLinks(line) {
  return line.replaceAll(LINK, (found, code, inline, to, definition, defined, attribute, named) => {
    if (code !== undefined) return found;
    return `${inline ?? definition ?? attribute}${targetOf(to ?? defined ?? named)}`;
  });
}

function targetOf(target) {
  if (/^(?:[a-z][a-z+.-]*:|#|\/)/i.test(target)) return target;
  const path = posix.normalize(posix.join('docs', target));
  return path.startsWith('docs/') ? target : addressOf(path);
}
