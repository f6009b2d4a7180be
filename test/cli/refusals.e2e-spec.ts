import { createServer } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { VERSION } from '../../lib/package/build.js';
import { brokerSpace, SHARED_BROKERS } from '../support/brokers.js';
import { freePort } from '../support/servers/free-port.js';
import { startQueue } from '../support/queue-context.js';
import { runCli } from '../support/run-cli.js';

jest.setTimeout(60_000);

const SECRET = 's3cr3t-4711';

describe('wrong use of the command line', () => {
  const CASES: readonly (readonly [args: string, message: RegExp])[] = [
    ['stats', /^error: No queue is named\. Pass --url, or set TASKS_URL/],
    ['stats --url memory://', /in the process of the application alone/],
    [`stats --url http://ada:${SECRET}@host`, /^error: --url is '…'\. Allowed: 'redis:/],
    [`stats --url redis://host/${SECRET}`, /^error: --url is '…'/],
    [`stats --urll redis://ada:${SECRET}@host`, /unknown option '--urll'\n\(Did you mean --url\?\)/],
    [`stats --urll=redis://ada:${SECRET}@host`, /unknown option '--urll=redis:\/\/…@host'/],
    [`redis://ada:${SECRET}@host`, /unknown command 'redis:\/\/…@host'/],
    ['stat', /unknown command 'stat'\n\(Did you mean stats\?\)/],
    ['stats --url redis://h --name a/b', /^error: --name is 'a\/b'\. Allowed: /],
    ['history --url redis://h --state running', /--state running is not the state of an ended execution/],
    ['history --url redis://h --state gone', /^error: state is 'gone'\. Pass /],
    ['history --url redis://h --since yesterday', /^error: since is 'yesterday'\. Pass an ISO time/],
    ['history --url redis://h --limit 500', /^error: limit is '500'\. Pass a whole number/],
    ['snapshot --url redis://h --watch --interval soon', /^error: --interval is 'soon'\. Allowed: /],
    ['retry --url redis://h', /^error: Nothing is named\. Pass the key .* or a filter/],
    ['retry key --task t --url redis://h', /^error: retry takes a key, or a filter/],
    ['retry --task t --per-second 0 --url redis://h', /^error: --per-second is '0'/],
    ['sleep soon --url redis://h', /^error: The time to sleep is 'soon'/],
    ['strike * --url redis://h', /^error: A strike on '\*' needs a condition/],
    ['strike t p --url redis://h', /^error: The condition is not whole/],
    ['strike t p == int:x --url redis://h', /^error: value is 'int:x'\. Pass /],
    ['strike t p == 1 2 --url redis://h', /^error: Operator == takes one value, and got 2/],
    ['strike t --mode never --url redis://h', /argument 'never' is invalid\. Allowed choices are drop, hold/],
    ['cancel', /missing required argument 'key'/],
    ['migrate --status --sql --url redis://h', /cannot be used with/],
    ['migrate --url redis://h --outbox-url oracle://h', /--outbox-url names no database of an outbox/],
    ['migrate --url redis://h --outbox-url sqlite:/nowhere/file.db', /does not exist: \/nowhere\/file\.db/],
  ];

  it.each(CASES)('exits with 64, tells why, and shows no secret: %s', async (args, message) => {
    const { stdout, stderr, code } = await runCli(args.split(' '));
    expect({ stdout, code }).toEqual({ stdout: '', code: 64 });
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain(SECRET);
  });

  it('prints the help of the program and of a command, and the version, without a queue', async () => {
    const help = await runCli(['help']);
    expect(help).toMatchObject({ stderr: '', code: 0 });
    expect(help.stdout).toMatch(/Usage: nestjs-tasks[^]*snapshot[^]*Exit codes:/);
    const retry = await runCli(['help', 'retry']);
    expect(retry).toMatchObject({ stderr: '', code: 0 });
    expect(retry.stdout).toMatch(
      /Usage: nestjs-tasks retry[^]*--per-second[^]*--url[^]*Examples:\n {2}\$ nestjs-tasks retry/,
    );
    expect((await runCli(['retry', '--help'])).stdout).toBe(retry.stdout);
    expect((await runCli(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+/);
    expect(VERSION).toBeDefined();
    expect(await runCli([])).toMatchObject({ stdout: '', code: 64 });
  });
});

describe('a server that does not answer', () => {
  it.each(['redis', 'postgres'])(
    'is named on one line with its option, and the exit code is 2: %s is down',
    async (scheme) => {
      const port = await freePort();
      const started = performance.now();
      const run = await runCli(['stats'], { env: { TASKS_URL: `${scheme}://ada:${SECRET}@127.0.0.1:${port}/0` } });
      expect(run).toMatchObject({ stdout: '', code: 2 });
      expect(run.stderr).toMatch(
        new RegExp(
          `^error: Cannot reach \\w+ at 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.* Check --url or TASKS_URL.*\\n$`,
        ),
      );
      expect(run.stderr).not.toContain(SECRET);
      expect(performance.now() - started).toBeLessThan(20_000);
    },
  );

  it.each(['redis', 'postgres'])('is given up where it accepts and says nothing: %s', async (scheme) => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    try {
      const run = await runCli(['workers', '--json', '--url', `${scheme}://ada:${SECRET}@127.0.0.1:${port}/0`]);
      expect(run).toMatchObject({ stdout: '', code: 2, stderr: expect.stringContaining(`127.0.0.1:${port}`) });
      expect(run.stderr).not.toContain(SECRET);
    } finally {
      server.close();
    }
  });
});

describe.each(SHARED_BROKERS)('a server that refuses: $label', (kind) => {
  const space = brokerSpace(kind);

  it('lets nobody in with a wrong password: exit code 2, and the password stays hidden', async () => {
    await using test = await startQueue(space, {}, { worker: false });
    const url = new URL(kind.url);
    url.username = 'nestjs_tasks_nobody';
    url.password = SECRET;
    const args = ['stats', '--url', url.href, '--name', test.fleet, '--prefix', space.prefix];
    const { stdout, stderr, code } = await runCli(args);
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toMatch(/^error: \w+ at .* refuses the connection: .*\n$/);
    expect(stderr).not.toContain(SECRET);
  });
});
