import luaparse from 'luaparse';

/** What Redis gives to scripts, so far as ours use it. */
const GLOBALS = new Set(
  'ARGV KEYS cjson ipairs math next pairs pcall redis string table tonumber type unpack'.split(' '),
);

/** Returns what is wrong with a script: syntax of Lua 5.1, unknown globals, locals that are never read. */
export function checkLua(source) {
  try {
    return new Scopes().check(luaparse.parse(source, { luaVersion: '5.1', comments: false }));
  } catch (error) {
    if (error instanceof SyntaxError) return [error.message];
    throw error;
  }
}

class Scopes {
  #problems = [];
  #scopes = [];

  check({ body }) {
    this.#block(body);
    return this.#problems;
  }

  #block(body, names = []) {
    const scope = new Map();
    this.#scopes.push(scope);
    for (const { name } of names) this.#declare(name);
    for (const statement of body) this.#visit(statement);
    this.#scopes.pop();
    for (const [name, isRead] of scope) {
      if (!isRead && name !== '_') this.#problems.push(`${name} is never read`);
    }
  }

  #declare(name) {
    const scope = this.#scopes.at(-1);
    if (name !== '_' && scope.has(name)) this.#problems.push(`${name} is declared twice`);
    scope.set(name, false);
  }

  #read(name) {
    const scope = this.#scopes.findLast((each) => each.has(name));
    if (scope !== undefined) scope.set(name, true);
    else if (!GLOBALS.has(name)) this.#problems.push(`${name} is no local and no global of Redis`);
  }

  #write(name) {
    if (!this.#scopes.some((scope) => scope.has(name))) this.#problems.push(`${name} is written to as a global`);
  }

  #visit(node) {
    if (Array.isArray(node)) {
      for (const each of node) this.#visit(each);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    switch (node.type) {
      case 'Identifier':
        return this.#read(node.name);
      case 'LocalStatement':
        this.#visit(node.init);
        for (const { name } of node.variables) this.#declare(name);
        return;
      case 'AssignmentStatement':
        this.#visit(node.init);
        for (const target of node.variables) {
          if (target.type === 'Identifier') this.#write(target.name);
          else this.#visit(target);
        }
        return;
      case 'FunctionDeclaration':
        if (node.isLocal) this.#declare(node.identifier.name);
        else if (node.identifier !== null) this.#problems.push(`${node.identifier.name} is a global function`);
        return this.#block(node.body, node.parameters);
      case 'ForNumericStatement':
        this.#visit([node.start, node.end, node.step]);
        return this.#block(node.body, [node.variable]);
      case 'ForGenericStatement':
        this.#visit(node.iterators);
        return this.#block(node.body, node.variables);
      case 'WhileStatement':
        this.#visit(node.condition);
        return this.#block(node.body);
      case 'DoStatement':
        return this.#block(node.body);
      case 'IfClause':
      case 'ElseifClause':
        this.#visit(node.condition);
        return this.#block(node.body);
      case 'ElseClause':
        return this.#block(node.body);
      case 'MemberExpression':
        return this.#visit(node.base);
      case 'TableKeyString':
        return this.#visit(node.value);
      case 'RepeatStatement':
        this.#problems.push('repeat is not known to this check');
        return;
      default:
        for (const value of Object.values(node)) this.#visit(value);
    }
  }
}
