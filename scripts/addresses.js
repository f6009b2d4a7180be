// Addresses outside of package.json's `repository`, which alone a publisher fills in: homepage, bugs, links of issue forms.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const FORMS = '.github/ISSUE_TEMPLATE/config.yml';

/** Address of the repository in a browser, for the `repository.url` of a package. */
export function addressOfRepository(url) {
  const address = url.replace(/^git\+/, '').replace(/\.git$/, '');
  if (/^https:\/\/[^/\s]+\/[^/\s]+\/[^/\s]+$/.test(address)) return address;
  throw new Error(`repository.url of package.json is ${url}. Give it the form git+https://<host>/<owner>/<name>.git.`);
}

/** Text of package.json, with the addresses that follow from its repository. */
export function packageWithAddresses(text) {
  const address = addressOfRepository(JSON.parse(text).repository.url);
  return text
    .replace(/^( {2}"homepage": )".*"/m, `$1"${address}#readme"`)
    .replace(/^( {2}"bugs": )".*"/m, `$1"${address}/issues"`);
}

/** Text of the configuration of the issue forms, whose links all lead into this repository. */
export function formsWithAddresses(text, address) {
  return text.replaceAll(/^( +url: )https:\/\/[^/\s]+\/[^/\s]+\/[^/\s]+/gm, `$1${address}`);
}

/** Files that hold such addresses, as they are and as they should be. */
export function filesWithAddresses() {
  const read = (path) => readFileSync(join(ROOT, path), 'utf8');
  const manifest = read('package.json');
  const address = addressOfRepository(JSON.parse(manifest).repository.url);
  const forms = read(FORMS);
  return [
    { path: 'package.json', text: manifest, wanted: packageWithAddresses(manifest) },
    { path: FORMS, text: forms, wanted: formsWithAddresses(forms, address) },
  ].map(({ path, ...texts }) => ({ path: join(ROOT, path), ...texts }));
}
