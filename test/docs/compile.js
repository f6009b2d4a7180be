// Compiles every TypeScript block of the documentation against lib/, and checks its relative links.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseMarkdown } from './markdown.js';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const WORK = join(ROOT, '.docs-check');

const README_BYTES = 12_000;

const TSCONFIG = {
  extends: '../tsconfig.json',
  compilerOptions: {
    declaration: false,
    sourceMap: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    moduleDetection: 'legacy', // the prelude, which neither imports nor exports, is to be no module
  },
  include: ['**/*.ts'],
};

const problems = [];
const report = (path, line, message) => problems.push(`${relative(ROOT, path)}:${line}: ${message}`);

const documents = new Map(pathsOfDocuments().map((path) => [path, parseMarkdown(readFileSync(path, 'utf8'))]));
for (const [path, { problems: own }] of documents) for (const { line, message } of own) report(path, line, message);

checkReadme();
const blockCount = compileBlocks();
const linkCount = checkLinks();
for (const problem of problems) console.error(problem);
console.log(`${blockCount} blocks compiled, ${linkCount} links checked`);
// Nothing to check means that nothing was found, not that all is well.
process.exitCode = problems.length > 0 || blockCount === 0 ? 1 : 0;

/** A page that a reader takes in at once: what it grows by belongs into docs/. */
function checkReadme() {
  const path = join(ROOT, 'README.md');
  const { size } = statSync(path);
  if (size > README_BYTES) report(path, 1, `${size} bytes, and at most ${README_BYTES} are read: move text to docs/`);
}

function pathsOfDocuments() {
  const tops = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].map((name) => join(ROOT, name));
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(ROOT, 'docs', name));
  const samples = readdirSync(join(ROOT, 'sample')).map((name) => join(ROOT, 'sample', name, 'README.md'));
  return [...tops, ...docs, ...samples].filter((path) => existsSync(path));
}

/** One file for each block, each a module of its own, and one run of the compiler for all. */
function compileBlocks() {
  const origins = new Map();
  rmSync(WORK, { recursive: true, force: true });
  mkdirSync(WORK);
  try {
    for (const [path, { blocks }] of documents) {
      const page = relative(ROOT, path).split(sep).join('_').replace(/\.md$/, '');
      for (const { language, file, line, setup, code } of blocks) {
        if (language !== 'ts') continue;
        const name = file === undefined ? `${page}-${line}.ts` : `${page}/${file}`;
        if (origins.has(name)) report(path, line, `the file ${file} is on this page already`);
        mkdirSync(dirname(join(WORK, name)), { recursive: true });
        writeFileSync(join(WORK, name), [...setup, ...code, 'export {};', ''].join('\n'));
        // The fence is the line before the first line of code.
        origins.set(name, { path, line, end: line + code.length, offset: line - setup.length });
      }
    }
    // Without `export` it is no module, and what it declares is there for every block. As a .ts file, for `skipLibCheck`
    // would let errors in a .d.ts file pass.
    const prelude = readFileSync(join(ROOT, 'test/docs/prelude.d.ts'), 'utf8');
    writeFileSync(join(WORK, 'prelude.ts'), prelude.replace(/^export /gm, ''));
    writeFileSync(join(WORK, 'libraries.ts'), readFileSync(join(ROOT, 'test/docs/libraries.d.ts'), 'utf8'));
    writeFileSync(join(WORK, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    const { status, stdout, stderr, error } = spawnSync(
      process.execPath,
      [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', WORK, '--noEmit', '--pretty', 'false'],
      { cwd: WORK, encoding: 'utf8' },
    );
    if (error !== undefined) throw error;
    const found = problems.length;
    for (const output of `${stdout}${stderr}`.split('\n').filter((text) => text.trim() !== '')) {
      translate(output, origins);
    }
    if (status !== 0 && problems.length === found) problems.push(`tsc ended with ${status}`);
  } finally {
    rmSync(WORK, { recursive: true, force: true });
  }
  return origins.size;
}

/** Turns a line of the compiler's output, which names a generated file, into one that names the document. */
function translate(output, origins) {
  const [, name, line, column, message] = /^(.+?)\((\d+),(\d+)\): (.*)$/.exec(output) ?? [];
  const origin = origins.get(name);
  if (origin === undefined) {
    problems.push(output); // of lib/, of the prelude, or a message's second line
    return;
  }
  const at = origin.offset + Number(line);
  // What is wrong in the setup is reported where the block begins.
  if (at <= origin.line) report(origin.path, origin.line, `${message} (in its setup)`);
  else report(origin.path, `${Math.min(at, origin.end)}:${column}`, message);
}

function checkLinks() {
  let count = 0;
  for (const [path, { links }] of documents) {
    for (const { line, target } of links) {
      if (/^[a-z][a-z+.-]*:/i.test(target)) continue;
      count += 1;
      const [file, anchor] = decodeURI(target).split('#');
      const to = file === '' ? path : resolve(dirname(path), file);
      if (!existsSync(to)) report(path, line, `the link ${target} leads nowhere`);
      else if (relative(ROOT, to).startsWith('..')) report(path, line, `the link ${target} leaves the repository`);
      else if (anchor !== undefined && !anchorsOf(to).has(anchor)) {
        report(path, line, `the link ${target} names no heading of ${relative(ROOT, to)}`);
      }
    }
  }
  return count + checkMessages();
}

/** Messages of lib/ name headings as `docs/page.md#heading`. */
function checkMessages() {
  let count = 0;
  for (const name of readdirSync(join(ROOT, 'lib'), { recursive: true }).filter((file) => file.endsWith('.ts'))) {
    const path = join(ROOT, 'lib', name);
    for (const [index, text] of readFileSync(path, 'utf8').split('\n').entries()) {
      for (const [target, page, anchor] of text.matchAll(/\b(docs\/[\w-]+\.md)#([\w-]+)/g)) {
        count += 1;
        const to = join(ROOT, page);
        if (!existsSync(to) || !anchorsOf(to).has(anchor)) report(path, index + 1, `${target} names no heading`);
      }
    }
  }
  return count;
}

function anchorsOf(path) {
  const known = documents.get(path);
  if (known !== undefined) return known.anchors;
  return path.endsWith('.md') ? parseMarkdown(readFileSync(path, 'utf8')).anchors : new Set();
}
