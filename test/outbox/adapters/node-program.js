import { createRequire } from 'node:module';

/** Oldest Node.js that all of the libraries run on. */
const OLDEST = [22, 17];

/** Returns the Node.js for the tests: this one, or the one that the package beside ships for an older. */
export function nodeProgram(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return process.execPath;
  try {
    return createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch {
    throw new Error(
      `No Node.js for the libraries: this is ${version}, and no package ships one for ${process.platform} ${process.arch}. Run the tests with Node.js ${OLDEST.join('.')} or later.`,
    );
  }
}
