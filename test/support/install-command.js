import { programOnPath } from './program-on-path.js';

/** In this order: `brew` may stand beside the system's own on Linux. */
const LINUX = [
  [
    'apt-get',
    {
      redis: 'apt-get install -y redis-server',
      mysql: 'apt-get install -y mariadb-server',
      browser: 'apt-get install -y chromium',
    },
  ],
  [
    'dnf',
    { redis: 'dnf install -y redis', mysql: 'dnf install -y mariadb-server', browser: 'dnf install -y chromium' },
  ],
  ['apk', { redis: 'apk add redis', mysql: 'apk add mariadb mariadb-client', browser: 'apk add chromium' }],
  ['pacman', { redis: 'pacman -S valkey', mysql: 'pacman -S mariadb', browser: 'pacman -S chromium' }],
  ['zypper', { redis: 'zypper install redis', mysql: 'zypper install mariadb', browser: 'zypper install chromium' }],
  ['brew', { redis: 'brew install redis', mysql: 'brew install mariadb', browser: 'brew install chromium' }],
];
const SYSTEMS = {
  darwin: { redis: 'brew install redis', mysql: 'brew install mariadb', browser: 'brew install --cask google-chrome' },
  win32: {
    redis: 'docker run --rm -p 6379:6379 redis',
    mysql: 'docker run --rm -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 -p 3306:3306 mariadb',
    browser: 'winget install Google.Chrome',
  },
};
const ANYWHERE = {
  redis: 'docker run --rm -p 6379:6379 redis',
  mysql: 'docker run --rm -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 -p 3306:3306 mariadb',
  browser: 'https://www.google.com/chrome',
};

/** Command that brings Redis, MariaDB or a browser to this system. */
export function installCommand(product, { platform = process.platform, PATH = process.env.PATH } = {}) {
  const onLinux = platform === 'linux' ? LINUX.find(([manager]) => programOnPath([manager], PATH))?.[1] : undefined;
  return (SYSTEMS[platform] ?? onLinux ?? ANYWHERE)[product];
}
