import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from '@swc/core';

/** Folder whose texts are read. */
const FOLDER = 'lib';
/** Largest number of words of a sentence in an error or a log line. */
const LONGEST = 25;
/** Begins a statement of SQL, which is no message. */
const STATEMENT = /^\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|WITH) /;
/** Stands for a value that is known at run time only: one word at least. */
const VALUE = '<value>';

/** Returns the sentences of errors and log lines that are too long, as far as the source alone tells. */
export function checkMessages() {
  const files = readdirSync(FOLDER, { recursive: true })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.generated.ts'))
    .map((name) => join(FOLDER, name));
  if (files.length === 0) return [`${FOLDER} has no sources: is it the right folder?`];
  return files.flatMap((file) =>
    longSentencesIn(readFileSync(file, 'utf8'), file.endsWith('.tsx')).map(
      ({ words, sentence }) => `${file}: a sentence of ${words} words, at most ${LONGEST} may be: ${sentence}`,
    ),
  );
}

/** Returns the sentences of a source's texts that have too many words. */
export function longSentencesIn(source, tsx = false) {
  const { body } = parseSync(source, { syntax: 'typescript', tsx, target: 'es2022', decorators: true });
  const texts = new Set([...textsIn(body, constantsIn(body))].filter((text) => !STATEMENT.test(text)));
  return [...texts].flatMap((text) => text.split(/(?<=[.!?])\s+/)).flatMap(judge);
}

function judge(sentence) {
  // A text that begins within a sentence continues one, such as "Allowed: <text>".
  const before = /^[a-z'"]/.test(sentence) ? 1 : 0;
  const words = before + sentence.trim().split(/\s+/).length;
  return words > LONGEST ? [{ words, sentence }] : [];
}

/** Returns the texts of the file's constants, which templates name. */
function constantsIn(body) {
  const constants = new Map();
  for (const item of body) {
    const declaration = item.type === 'ExportDeclaration' ? item.declaration : item;
    if (declaration.type !== 'VariableDeclaration' || declaration.kind !== 'const') continue;
    for (const { id, init } of declaration.declarations) {
      const [longest] = textsOf(init, constants);
      if (id.type === 'Identifier' && longest !== undefined) constants.set(id.value, longest);
    }
  }
  return constants;
}

function* textsIn(node, constants) {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const item of node) yield* textsIn(item, constants);
    return;
  }
  yield* textsOf(node, constants);
  for (const key in node) yield* textsIn(node[key], constants);
}

/** Returns the texts that an expression may come to, the longest first; none where it is no text. */
function textsOf(node, constants) {
  switch (node?.type) {
    case 'StringLiteral':
      return [node.value];
    case 'TemplateLiteral':
      return [
        node.quasis.reduce((text, { cooked }, at) => {
          const value = node.expressions[at];
          return `${text}${cooked ?? ''}${value === undefined ? '' : (textsOf(value, constants)[0] ?? VALUE)}`;
        }, ''),
      ];
    case 'BinaryExpression':
      return node.operator === '+' ? joined(node, constants) : [];
    case 'ConditionalExpression':
      return longestFirst([...textsOf(node.consequent, constants), ...textsOf(node.alternate, constants)]);
    case 'ParenthesisExpression':
      return textsOf(node.expression, constants);
    case 'Identifier':
      return constants.has(node.value) ? [constants.get(node.value)] : [];
    default:
      return [];
  }
}

function joined({ left, right }, constants) {
  const [before] = textsOf(left, constants);
  const [after] = textsOf(right, constants);
  return before === undefined && after === undefined ? [] : [`${before ?? VALUE}${after ?? VALUE}`];
}

function longestFirst(texts) {
  return texts.toSorted((a, b) => b.length - a.length);
}
