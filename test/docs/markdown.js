const FENCE = /^\s*(`{3,}|~{3,})\s*([\w-]*)(?:\s+\[([\w./-]+)\])?/;
const SETUP = /^<!--\s*setup:(.*)$/;
const HEADING = /^#{1,6}\s+(.+?)\s*#*$/;
const LINK = /\[(?:[^\][]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)/g;
const HTML_ANCHOR = /<a\s[^>]*\b(?:id|name)="([^"]+)"/g;

/**
 * What the check needs of a Markdown text: its code blocks, its links and what a link can point at. All lines count
 * from 1.
 *
 * A comment `<!-- setup: … -->` right before a block holds declarations that the block needs and a reader does not. A
 * fence such as `ts [src/orders.ts]` names the block's file, which other named blocks of the page may import.
 */
export function parseMarkdown(text) {
  const blocks = [];
  const links = [];
  const anchors = new Set();
  const problems = [];
  let open; // the code block that is being read
  let setup; // the comment that waits for its block
  let isInSetup = false;

  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1;
    if (open !== undefined) {
      if (closes(content, open.fence)) open = undefined;
      else open.block.code.push(content.slice(open.indent));
      continue;
    }
    if (isInSetup) {
      isInSetup = !content.includes('-->');
      setup.code.push(content.replace(/-->.*$/, ''));
      continue;
    }
    const fence = FENCE.exec(content);
    if (fence !== null) {
      const block = { language: fence[2], file: fence[3], line, setup: setup?.code ?? [], code: [] };
      blocks.push(block);
      open = { block, fence: fence[1], indent: content.search(/\S/) };
      setup = undefined;
      continue;
    }
    const comment = SETUP.exec(content);
    if (comment !== null) {
      isInSetup = !content.includes('-->');
      setup = { line, code: [comment[1].replace(/-->.*$/, '')] };
      continue;
    }
    if (content.trim() === '') continue;
    if (setup !== undefined) problems.push({ line: setup.line, message: 'a setup comment without a code block' });
    setup = undefined;
    const heading = HEADING.exec(content);
    if (heading !== null) addAnchor(anchors, slugOf(heading[1]));
    for (const [, id] of content.matchAll(HTML_ANCHOR)) anchors.add(id);
    for (const [, inline, reference] of withoutCode(content).matchAll(LINK)) {
      links.push({ line, target: inline ?? reference });
    }
  }
  if (open !== undefined) problems.push({ line: open.block.line, message: 'a code block that is never closed' });
  if (setup !== undefined) problems.push({ line: setup.line, message: 'a setup comment without a code block' });
  return { blocks, links, anchors, problems };
}

function closes(content, fence) {
  const trimmed = content.trim();
  return trimmed.startsWith(fence) && trimmed === fence[0].repeat(trimmed.length);
}

function withoutCode(content) {
  return content.replace(/(`+)(?!`).*?(?<!`)\1(?!`)/g, '');
}

/** As GitHub makes it. */
export function slugOf(heading) {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replace(/ /g, '-');
}

function addAnchor(anchors, slug) {
  let anchor = slug;
  for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
  anchors.add(anchor);
}
