import { programOnPath } from './program-on-path.js';

/** In this order: `brew` may stand beside the system's own on Linux. */
const LINUX = [
  ['apt-get', { redis: 'apt-get install -y redis-server', browser: 'apt-get install -y chromium' }],
  ['dnf', { redis: 'dnf install -y redis', browser: 'dnf install -y chromium' }],
  ['apk', { redis: 'apk add redis', browser: 'apk add chromium' }],
  ['pacman', { redis: 'pacman -S valkey', browser: 'pacman -S chromium' }],
  ['zypper', { redis: 'zypper install redis', browser: 'zypper install chromium' }],
  ['brew', { redis: 'brew install redis', browser: 'brew install chromium' }],
];
const SYSTEMS = {
  darwin: { redis: 'brew install redis', browser: 'brew install --cask google-chrome' },
  win32: { redis: 'docker run --rm -p 6379:6379 redis', browser: 'winget install Google.Chrome' },
};
const ANYWHERE = { redis: 'docker run --rm -p 6379:6379 redis', browser: 'https://www.google.com/chrome' };

/** Command that brings Redis or a browser to this system. */
export function installCommand(product, { platform = process.platform, PATH = process.env.PATH } = {}) {
  const onLinux = platform === 'linux' ? LINUX.find(([manager]) => programOnPath([manager], PATH))?.[1] : undefined;
  return (SYSTEMS[platform] ?? onLinux ?? ANYWHERE)[product];
}
