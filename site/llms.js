// llms.txt (https://llmstxt.org), llms-full.txt, and each page as Markdown beside its HTML.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { titleOf } from './contents.js';

/** Writes the files into the site. `base` is the path of the site on its host. */
export function writeLlms({ groups, pages, site, base, description }) {
  const head = `# nestjs-tasks\n\n> ${description}\n`;
  const lists = groups.map(({ text, pages: names }) => {
    const lines = names.map((name) => {
      const summary = summaryOf(read(pages, name));
      return `- [${titleOf(name)}](${base}${name}.md)${summary && `: ${summary}`}`;
    });
    return `\n## ${text}\n\n${lines.join('\n')}\n`;
  });
  const all = groups.flatMap((group) => group.pages);
  for (const name of all) copyFileSync(join(pages, `${name}.md`), join(site, `${name}.md`));
  writeFileSync(join(site, 'llms.txt'), [head, ...lists].join(''));
  writeFileSync(join(site, 'llms-full.txt'), [head, ...all.map((name) => read(pages, name))].join('\n'));
}

function read(folder, name) {
  return readFileSync(join(folder, `${name}.md`), 'utf8');
}

/** First sentence of the first paragraph, as plain text. */
export function summaryOf(text) {
  const [, paragraph = ''] = /^# .+\n+((?!```|<!--)(?:[^\n#|<>-].*\n)+)/m.exec(text) ?? [];
  const plain = paragraph
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return /^.+?[.:](?= |$)/.exec(plain)?.[0].replace(/:$/, '.') ?? plain;
}
