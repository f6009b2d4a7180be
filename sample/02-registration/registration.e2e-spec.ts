import type { ServerResponse } from 'node:http';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication, LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TaskScheduler } from 'nestjs-tasks';
import { TestTasks, type TestTasksOptions } from 'nestjs-tasks/testing';
import { filter, firstValueFrom, map } from 'rxjs';
import request from 'supertest';
import { Alerts } from './alerts.service.js';
import { AppModule } from './app.module.js';
import { DATA_DIR } from './data-dir.provider.js';
import { Mailer, type Mail } from './mailer.service.js';
import { RegistrationMail } from './registration-mail.service.js';
import { RETRY_DELAY } from './retry-mail.handler.js';
import type { User } from './user-store.service.js';
import { hashToken } from './verification-token.js';

const RETRY_MS = 20;
const GUESS = 'x'.repeat(43);
const { sendVerification, sendWelcome } = RegistrationMail.prototype;
const ada = { email: 'ada@example.com', password: 'correct horse' };

/** A mail server that is down for a while. */
class FlakyMailer {
  readonly sent: Mail[] = [];
  /** The text of the mail that was tried last. */
  lastText = '';
  readonly triedAt: number[] = [];
  failures = 0;

  async send(mail: Mail): Promise<void> {
    this.triedAt.push(performance.now());
    if (mail.subject === 'Confirm your address') this.lastText = mail.text;
    if (this.triedAt.length <= this.failures) throw new Error('The mail server is down');
    this.sent.push(mail);
  }
}

/** Keeps every line that is logged. */
class LogLines implements LoggerService {
  readonly lines: string[] = [];
  readonly log = (...parts: unknown[]): void => void this.lines.push(parts.join(' '));
  readonly error = this.log;
  readonly warn = this.log;
  readonly debug = this.log;
  readonly verbose = this.log;
}

describe('Registration', () => {
  let folder: string;
  let app: INestApplication;
  let tasks: TestTasks;
  let mailer: FlakyMailer;
  let logs: LogLines;

  async function start(options: TestTasksOptions = {}): Promise<void> {
    mailer = new FlakyMailer();
    logs = new LogLines();
    const builder = Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(DATA_DIR)
      .useValue(folder)
      .overrideProvider(Mailer)
      .useValue(mailer)
      .overrideProvider(RETRY_DELAY)
      .useValue(RETRY_MS);
    tasks = TestTasks.install(builder, options); // before compile()
    const module = await builder.compile();
    app = module.createNestApplication({ logger: logs });
    await app.listen(0);
  }

  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'registration-'))));
  afterEach(async () => {
    await app.close();
    await rm(folder, { recursive: true });
  });

  const post = (path: string, body: object) => request(app.getHttpServer()).post(path).send(body);

  async function users(): Promise<User[]> {
    return JSON.parse(await readFile(join(folder, 'users.json'), 'utf8')) as User[];
  }

  async function register(): Promise<User> {
    await post('/register', ada).expect(201);
    await tasks.idle(); // the mail was sent, or has been given up
    tasks.forgetScheduled();
    const [user] = await users();
    if (user === undefined) throw new Error('No user was stored');
    return user;
  }

  describe('POST /register', () => {
    beforeEach(() => start());

    it.each([
      {},
      { email: 'ada@example.com' },
      { email: 'ada', password: 'correct horse' },
      { email: 'ada@example.com', password: 'short' },
      { email: ['ada@example.com'], password: 'correct horse' },
    ])('answers 400 to %j and stores nothing', async (body: object) => {
      const { status } = await post('/register', body);
      expect(status).toBe(400);
      expect(await readdir(folder)).toEqual([]);
      tasks.expectNothingScheduled();
    });

    it('stores the user with a hash in place of the password', async () => {
      const user = await register();
      expect(user).toMatchObject({ email: ada.email, status: 'pending' });
      expect(user.passwordHash).toMatch(/^scrypt:[\w-]{22}:[\w-]{43}$/);
      expect(JSON.stringify(user)).not.toContain(ada.password);
    });

    it('mails the token', async () => {
      const { id } = await register();
      const text = expect.stringMatching(new RegExp(`^${id}\\.[\\w-]{43}$`));
      expect(mailer.sent).toEqual([{ to: ada.email, subject: 'Confirm your address', text }]);
    });

    it('stores a hash in place of the token', async () => {
      const user = await register();
      expect(user.verification?.tokenHash).toMatch(/^[\w-]{43}$/);
      const [, secret = 'none'] = mailer.lastText.split('.');
      expect(JSON.stringify(user)).not.toContain(secret);
    });

    it('sends the mail after the response', async () => {
      let response: ServerResponse | undefined;
      app.getHttpServer().prependListener('request', (_request: unknown, its: ServerResponse) => (response = its));
      const isAnswered = firstValueFrom(
        app.get(TaskScheduler).events$.pipe(
          filter(({ type }) => type === 'started'),
          map(() => response?.writableFinished),
        ),
      );
      await register();
      expect(await isAnswered).toBe(true);
    });

    it('stores every user of many who register at once', async () => {
      const emails = Array.from({ length: 10 }, (_, number) => `user-${number}@example.com`);
      await Promise.all(emails.map((email) => post('/register', { ...ada, email }).expect(201)));
      await tasks.idle();
      expect((await users()).map(({ email }) => email).toSorted()).toEqual(emails);
    });

    it('answers 409 to an address that is registered, and sends it nothing', async () => {
      await register();
      await post('/register', { ...ada, email: 'ADA@example.com' }).expect(409);
      tasks.expectNothingScheduled();
      await tasks.idle();
      expect(mailer.sent).toHaveLength(1);
    });
  });

  // Nothing runs but what the test runs.
  describe('the mail', () => {
    beforeEach(() => start({ mode: 'record' }));

    it('is scheduled for after the response, and shutdown waits for it', async () => {
      const { body } = await post('/register', ada).expect(201);
      const { id } = body as { id: string };
      tasks.expectScheduled(sendVerification, {
        timing: 'afterResponse',
        name: `verification_mail_${id}`,
        args: [id],
        shielded: true,
        times: 1,
      });
      expect(mailer.sent).toEqual([]);
    });

    it('holds the token', async () => {
      await post('/register', ada).expect(201);
      await tasks.run(tasks.expectScheduled(sendVerification));
      const [user] = await users();
      expect(mailer.sent).toMatchObject([{ to: ada.email, subject: 'Confirm your address' }]);
      expect(user?.verification?.tokenHash).toBe(hashToken(mailer.lastText));
    });

    it('fails for good after the third try, and the user is marked', async () => {
      mailer.failures = Infinity;
      await post('/register', ada).expect(201);
      const mail = tasks.expectScheduled(sendVerification);
      await expect(tasks.run(mail)).rejects.toThrow('The mail server is down'); // when onError has settled
      expect(mail.attempt).toBe(3);
      expect(await users()).toMatchObject([{ status: 'mail-failed' }]);
    });
  });

  describe('when the mail server is down', () => {
    beforeEach(() => start());

    it('tries again with growing delays', async () => {
      mailer.failures = 2;
      await register();
      const [first = 0, second = 0, third = 0, ...further] = mailer.triedAt;
      expect(further).toEqual([]);
      // A timer may fire a millisecond early.
      expect(second - first).toBeGreaterThanOrEqual(RETRY_MS - 1);
      expect(third - second).toBeGreaterThanOrEqual(2 * RETRY_MS - 1);
      expect(mailer.sent).toHaveLength(1);
      expect(app.get(Alerts).raised).toEqual([]);
    });

    it('gives up after the third try, raises an alert and marks the user', async () => {
      mailer.failures = Infinity;
      const { id, status } = await register();
      expect(mailer.triedAt).toHaveLength(3);
      expect(app.get(Alerts).raised).toEqual([`verification_mail_${id} was not sent in 3 tries`]);
      expect(status).toBe('mail-failed');
    });

    it('goes on trying while the application shuts down', async () => {
      mailer.failures = 1;
      const hasFailed = firstValueFrom(app.get(TaskScheduler).events$.pipe(filter(({ type }) => type === 'failed')));
      await post('/register', ada).expect(201);
      await hasFailed;
      await app.close();
      expect(mailer.sent).toHaveLength(1);
    });

    it('is awaited by the shutdown', async () => {
      mailer.failures = 1;
      await post('/register', ada).expect(201);
      const { awaited, cancelled } = await tasks.shutdown();
      expect(awaited).toEqual([tasks.expectScheduled(sendVerification)]);
      expect(cancelled).toEqual([]);
      expect(mailer.sent).toHaveLength(1);
    });
  });

  describe('POST /verify', () => {
    beforeEach(() => start());

    it('verifies the user and sends a welcome after the response', async () => {
      await register();
      const token = mailer.lastText;
      await post('/verify', { token }).expect(200);
      tasks.expectScheduled(sendWelcome, { timing: 'afterResponse', shielded: true });
      await tasks.idle();
      const [user] = await users();
      expect(user?.status).toBe('verified');
      expect(user).not.toHaveProperty('verification');
      expect(mailer.sent.at(-1)).toMatchObject({ to: ada.email, subject: 'Welcome' });
    });

    it('answers 400 to a bad token and discards what it has scheduled', async () => {
      const { id } = await register();
      await post('/verify', { token: `${id}.${GUESS}` }).expect(400);
      const welcome = tasks.expectDiscarded(sendWelcome, { name: `welcome_mail_${id}`, args: [id] });
      await expect(welcome.result()).rejects.toMatchObject({ reason: 'route failed' });
      tasks.expectNothingScheduled();
      await tasks.idle();
      expect(mailer.sent).toHaveLength(1);
      expect(await users()).toMatchObject([{ status: 'pending' }]);
    });

    it('answers 400 to a token that was used', async () => {
      await register();
      const token = mailer.lastText;
      await post('/verify', { token }).expect(200);
      await post('/verify', { token }).expect(400);
      await tasks.idle();
      expect(mailer.sent).toHaveLength(2);
    });

    it('answers 400 to a token that has expired', async () => {
      const user = await register();
      const verification = { ...user.verification, expiresAt: new Date(0).toISOString() };
      await writeFile(join(folder, 'users.json'), JSON.stringify([{ ...user, verification }]));
      await post('/verify', { token: mailer.lastText }).expect(400);
      expect(await users()).toMatchObject([{ status: 'pending' }]);
    });

    it.each([{}, { token: '' }, { token: 1 }, { token: GUESS }])('answers 400 to %j', async (body: object) => {
      const { status } = await post('/verify', body);
      expect(status).toBe(400);
      tasks.expectNothingScheduled();
      expect(tasks.discarded).toEqual([]);
    });

    it('does not mark a user whose welcome failed', async () => {
      await register();
      mailer.failures = Infinity;
      await post('/verify', { token: mailer.lastText }).expect(200);
      await tasks.idle();
      expect(app.get(Alerts).raised).toEqual([expect.stringMatching(/^welcome_mail_/)]);
      expect(await users()).toMatchObject([{ status: 'verified' }]);
    });
  });

  it('logs neither passwords nor tokens', async () => {
    await start();
    mailer.failures = Infinity;
    const { id } = await register();
    const token = mailer.lastText;
    const [, secret = ''] = token.split('.');
    await post('/register', ada).expect(409);
    await post('/verify', { token: secret }).expect(400);
    await post('/verify', { token: `${id}.${GUESS}` }).expect(400);
    await post('/verify', { token }).expect(200);
    await tasks.idle();
    const log = logs.lines.join('\n');
    expect(log).toContain('The mail server is down');
    expect(log).not.toContain(ada.password);
    expect(log).not.toContain(secret);
    expect(log).not.toContain(GUESS);
  });
});
