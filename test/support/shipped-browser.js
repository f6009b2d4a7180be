import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const UNPACK = join(import.meta.dirname, 'unpack-browser.js');

/** Whether the browser of @sparticuz/chromium runs here. Version 147.0.0, the last for Node.js 20, is built for glibc on x64. */
export function isBrowserShipped() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  const { header } = process.report.getReport();
  return header.glibcVersionRuntime !== undefined;
}

/** Unpacks the browser of @sparticuz/chromium into this folder, with the libraries and fonts that a bare system lacks. */
export async function unpackBrowser(folder) {
  // On AWS Lambda the package unpacks its libraries too.
  const env = { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' };
  await promisify(execFile)(process.execPath, [UNPACK], { env });

  // The package's own configuration looks for fonts in /tmp. Without fonts, text has no height.
  const fonts = join(folder, 'fonts.conf');
  const dirs = `<dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'fonts-cache')}</cachedir>`;
  await writeFile(fonts, `<?xml version="1.0"?><fontconfig>${dirs}</fontconfig>`);
  return {
    path: join(folder, 'chromium'),
    env: { LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'), FONTCONFIG_FILE: fonts },
  };
}
