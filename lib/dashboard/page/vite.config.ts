import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const require = createRequire(import.meta.url);
/** Packages whose code goes into the page, with files of theirs that lead to their folders. */
const BUNDLED = { preact: 'preact/package.json', uPlot: 'uplot/package.json' };

/** Keeps the licences of what is bundled beside it. */
function licences(): Plugin {
  return {
    name: 'licences',
    generateBundle() {
      const texts = Object.entries(BUNDLED).map(([name, file]) => {
        const manifest = require.resolve(file);
        const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
        return `${name} ${version}\n\n${readFileSync(join(dirname(manifest), 'LICENSE'), 'utf8').trim()}\n`;
      });
      this.emitFile({ type: 'asset', fileName: 'assets/licences.txt', source: texts.join('\n\n') });
    },
  };
}

/** Names are fixed, since the server answers with an ETag; nothing is inlined, since the policy forbids `data:`. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [licences()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: join(import.meta.dirname, '../../../dist/dashboard/page'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/app.js',
        assetFileNames: 'assets/app[extname]',
        codeSplitting: false,
      },
    },
  },
});
