import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folders whose doc comments are counted, each by itself. */
const FOLDERS = ['lib'];
/** Largest share of doc comments that open with one of the words below. */
const LIMIT = 0.1;
/** Pronouns, question words and the like: a doc comment opens with a verb (methods) or a noun (fields) instead. */
const OPENERS = new Set(
  [
    'what how whether which who whom whose whoever whatever when whenever where why',
    'that those these this such same',
    'it its they them their theirs he his she her we our you your i my',
    'one ones each every all any both either neither some others other another none nothing nobody something somebody',
    'anything anybody anyone everything everybody everyone someone',
    'of in',
  ].flatMap((line) => line.split(' ')),
);

const COMMENT = /\/\*\*([\s\S]*?)\*\//g;

/** Returns the problems of the folders' doc comments; none where few of them open with such a word. */
export function checkComments() {
  return FOLDERS.flatMap((folder) => {
    const comments = sourcesOf(folder).flatMap(commentsOf);
    const dark = comments.filter(({ opener }) => OPENERS.has(opener));
    if (comments.length === 0) return [`${folder} has no doc comments: is it the right folder?`];
    if (dark.length <= comments.length * LIMIT) return [];
    return [
      `${folder}: ${dark.length} of ${comments.length} doc comments open with a pronoun or question word; at most ${LIMIT * 100} % may. Open with a verb (methods) or a noun (fields).`,
      ...dark.map(({ file, line, opener }) => `${file}:${line}: opens with '${opener}'`),
    ];
  });
}

function sourcesOf(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.generated.ts'))
    .map((name) => join(folder, name));
}

function commentsOf(file) {
  const source = readFileSync(file, 'utf8');
  return [...source.matchAll(COMMENT)].map((match) => ({
    file,
    line: source.slice(0, match.index).split('\n').length,
    opener: /^[\s*]*([\p{L}’']+)/u.exec(match[1])?.[1].toLowerCase(),
  }));
}
