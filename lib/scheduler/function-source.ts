import { parseExpressionAt, type ArrowFunctionExpression, type FunctionExpression } from 'acorn';
import type { AnyFunction } from './provider-classes.js';

/** Syntax of a function, read from its source. */
export interface FunctionSyntax extends Pick<FunctionExpression | ArrowFunctionExpression, 'params' | 'body'> {
  /** True if written as `name() {}` in a class or an object. */
  readonly isMethod: boolean;
}

/** Sources of arrow functions and of `function` expressions, recognized without parsing. */
const NO_METHOD = /^(?:async\s*\(|(?:async\s+)?(?:function\b|[\w$]+\s*=>))/;

const PARENTHESIS = '('.charCodeAt(0);

/** Parses the source; `undefined` without one, as of a bound or a native function. */
export function parseFunction(func: AnyFunction): FunctionSyntax | undefined {
  const source = sourceOf(func);
  // A method's source is valid only inside a class; that of other functions is valid alone.
  for (const text of [`(class { ${source} })`, `(${source})`]) {
    try {
      const expression = parseExpressionAt(text, 0, {
        ecmaVersion: 'latest',
        sourceType: 'module',
        checkPrivateFields: false,
      });
      const syntax = syntaxOf(expression);
      if (syntax !== undefined) return syntax;
    } catch {
      // Not in this form.
    }
  }
  return undefined;
}

/** Tells a method definition from arrow functions, `function`s, classes, bound and native functions. */
export function isMethod(func: AnyFunction): boolean {
  // Names or first characters identify most closures, one of which comes with each task.
  if (nameOf(func) === '') return false;
  const source = sourceOf(func);
  if (source.charCodeAt(0) === PARENTHESIS || source.startsWith('async (') || NO_METHOD.test(source)) return false;
  return parseFunction(func)?.isMethod === true;
}

/** Tells if a call without `this` would fail. True for native methods, whose source is hidden. */
export function usesThis(func: AnyFunction): boolean {
  const source = sourceOf(func);
  if (!/\b(?:this|super)\b/.test(source)) return source.endsWith('{ [native code] }');
  const syntax = parseFunction(func);
  return syntax === undefined || [syntax.params, syntax.body].some(refersToThis);
}

/** Returns the name of a function, empty without one. */
export function nameOf(func: AnyFunction): string {
  try {
    return typeof func.name === 'string' ? func.name : String(func.name);
  } catch {
    return ''; // the name may be a getter that throws
  }
}

function sourceOf(func: AnyFunction): string {
  return Function.prototype.toString.call(func);
}

function syntaxOf(expression: ReturnType<typeof parseExpressionAt>): FunctionSyntax | undefined {
  switch (expression.type) {
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return { isMethod: false, params: expression.params, body: expression.body };
    case 'ClassExpression': {
      const [member] = expression.body.body;
      if (member?.type !== 'MethodDefinition') return undefined;
      return { isMethod: true, params: member.value.params, body: member.value.body };
    }
    default:
      return undefined;
  }
}

/** Walks the nodes that share the function's `this`: all except other functions and the members of classes. */
function refersToThis(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  const { type, superClass } = node as { readonly type?: unknown; readonly superClass?: unknown };
  switch (type) {
    case 'ThisExpression':
    case 'Super':
      return true;
    case 'FunctionExpression':
    case 'FunctionDeclaration':
      return false;
    case 'ClassExpression':
    case 'ClassDeclaration':
      return refersToThis(superClass);
    default:
      return Object.values(node).some(refersToThis);
  }
}
