// Bundles dist/main.js of the application as CommonJS and as ES module, with esbuild and with webpack, in the settings
// that Nest's documentation gives: packages that Nest loads where they are there are external. Drivers are not named.
const { join } = require('node:path');

const FORMATS = ['cjs', 'esm'];
const NOT_INSTALLED = [
  '@nestjs/microservices',
  '@nestjs/microservices/*',
  '@nestjs/websockets',
  '@nestjs/websockets/*',
  'class-transformer',
  'class-transformer/*',
  'class-validator',
  '@fastify/*',
];
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

const fileOf = (tool, format) => join(`bundle-${tool}`, `main.${format === 'esm' ? 'mjs' : 'cjs'}`);

async function esbuild(entry, format) {
  await require('esbuild').build({
    entryPoints: [entry],
    outfile: fileOf('esbuild', format),
    bundle: true,
    platform: 'node',
    format,
    keepNames: true,
    external: NOT_INSTALLED,
    logLevel: 'error',
    // The CommonJS packages in it call require().
    ...(format === 'esm' && { banner: { js: REQUIRE } }),
  });
}

function webpack(entry, format) {
  const file = fileOf('webpack', format);
  const isOptional = (request) => NOT_INSTALLED.some((name) => `${request}/`.startsWith(name.replace('*', '')));
  const stats = new Promise((resolve, reject) => {
    require('webpack')(
      {
        mode: 'none',
        target: 'node',
        entry: `./${entry}`,
        output: {
          path: join(process.cwd(), 'bundle-webpack'),
          filename: file.slice('bundle-webpack/'.length),
          module: format === 'esm',
          chunkFormat: format === 'esm' ? 'module' : 'commonjs',
        },
        experiments: { outputModule: format === 'esm' },
        externals: [
          ({ request }, done) =>
            isOptional(request)
              ? done(null, format === 'esm' ? `node-commonjs ${request}` : `commonjs ${request}`)
              : done(),
        ],
      },
      (error, result) => (error ? reject(error) : resolve(result)),
    );
  });
  return stats.then((result) => {
    // Express has dynamic requires, which webpack warns of.
    const ours = result.toJson().warnings.filter(({ moduleName }) => /nestjs-tasks/.test(moduleName));
    if (result.hasErrors() || ours.length > 0) throw new Error(JSON.stringify([...result.toJson().errors, ...ours]));
  });
}

async function main() {
  const entry = process.argv[2];
  for (const format of FORMATS) await Promise.all([esbuild(entry, format), webpack(entry, format)]);
}
void main();
