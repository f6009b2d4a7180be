import { readFileSync } from 'node:fs';
import { parseSync, type Expression, type ObjectExpression, type TemplateLiteral } from '@swc/core';

/** Message of the library, as its source has it. */
export interface Message {
  /** Names of the objects around it, and its own. */
  readonly path: readonly string[];
  /** Text with `<name>` for each value. */
  readonly text: string;
}

/** Returns the messages of a file that exports one object of functions, each of one text or template. */
export function messagesIn(file: string): Message[] {
  const { body } = parseSync(readFileSync(file, 'utf8'), { syntax: 'typescript', target: 'es2022' });
  return body.flatMap((item) => {
    if (item.type !== 'ExportDeclaration' || item.declaration.type !== 'VariableDeclaration') return [];
    return item.declaration.declarations.flatMap(({ init }) => messagesOf(objectOf(init, file), [], file));
  });
}

function messagesOf(object: ObjectExpression, path: readonly string[], file: string): Message[] {
  return object.properties.flatMap((property) => {
    if (property.type !== 'KeyValueProperty' || property.key.type !== 'Identifier') {
      throw new TypeError(`${file} has a message without a name`);
    }
    const own = [...path, property.key.value];
    const { value } = property;
    if (value.type !== 'ArrowFunctionExpression') return messagesOf(objectOf(value, file), own, file);
    if (value.body.type === 'StringLiteral') return [{ path: own, text: value.body.value }];
    if (value.body.type === 'TemplateLiteral') return [{ path: own, text: textOf(value.body as TemplateLiteral, own) }];
    throw new TypeError(`${own.join('.')} in ${file} is no single text`);
  });
}

function objectOf(value: Expression | null | undefined, file: string): ObjectExpression {
  if (value?.type === 'TsConstAssertion') return objectOf(value.expression, file);
  if (value?.type === 'ObjectExpression') return value;
  throw new TypeError(`${file} has something else than messages`);
}

function textOf({ quasis, expressions }: TemplateLiteral, path: readonly string[]): string {
  return quasis.reduce((text, { cooked }, at) => {
    const value = expressions[at];
    if (value === undefined) return text + (cooked ?? '');
    if (value.type !== 'Identifier') throw new TypeError(`${path.join('.')} shows something else than a parameter`);
    return `${text}${cooked ?? ''}<${value.value}>`;
  }, '');
}
