// Unpacks @sparticuz/chromium into the folder that TMPDIR names. In a process of its own: the package asks os.tmpdir(),
// which Jest's own process.env does not change.
import chromium from '@sparticuz/chromium';

await chromium.executablePath();
