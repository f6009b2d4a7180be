import { describe, expect, it, jest } from '@jest/globals';
import type { Views } from '../../../lib/operations/api.js';
import { expectSoundPage } from '../../support/page-checks.js';
import { until } from '../../support/until.js';
import { CANNED_EXECUTION, CANNED_OVERVIEW, CANNED_SUMMARY, cannedExecution, cannedViews } from './canned-views.js';
import { eachVisit, type Visit } from './visit.js';

jest.setTimeout(120_000);
const WIDE = 1_440;

let visit: Visit;
eachVisit((begun) => (visit = begun));

const VIEWS: readonly (readonly [path: string, heading: string, texts: readonly (string | RegExp)[]])[] = [
  [
    'overview',
    'Overview',
    [
      '41 executions of orders.process failed in the last hour',
      '1 min 35 s',
      'Throughput by outcome',
      'Start latency',
      /executions completed, 120 failed, 90 attempts retried/,
    ],
  ],
  [
    'executions',
    'Executions',
    [
      'order-0',
      '30 of 120',
      'concurrency limit reached for customerId (1 running)',
      'TimeoutError: no answer from partner 6 in 5 s',
    ],
  ],
  [
    'execution?id=id-6&key=order-6',
    'Execution',
    [
      'order-6',
      "orders.process(customerId='12345', card=…)",
      'code ETIMEDOUT, status 504',
      /connect ECONNREFUSED 10\.0\.0\.8:443$/,
      /8 min ago, 3 times in a row/,
      'calling the partner',
    ],
  ],
  ['failures', 'Failures', ['41,302', 'TimeoutError: no answer from partner … in … s', 'order-6']],
  ['tasks', 'Tasks', ['at most 1 at once for each customerId', 'not declared here', '800 ms / 4.2 s', '(4.6 %)']],
  ['schedules', 'Schedules', ['0 3 * * * (Europe/Berlin)', /^in (4|5) h$/, '118']],
  ['strikes', 'Strikes', ["orders.process with customerId == '12345'", 'chargebacks', 'hold', 'New strike']],
  ['limits', 'Limits', ['1 of 1 in use, 140 waiting', 'order-12', 'and 138 more executions']],
  ['workers', 'Workers', ['host-a:41:1', '18 of 20', 'orders.process, mail.send']],
  ['now', 'Now', [/process 41 on host-a/, 'shielded', 'afterResponse', '1 of 10', 'retry failed']],
];

describe('each view', () => {
  it.each(VIEWS)('shows its data at %s, and is sound', async (path, heading, texts) => {
    await visit.open(path);
    const { page } = visit;
    await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
    for (const text of texts) await page.getByRole('main').getByText(text, { exact: true }).first().waitFor();
    const title = await until(async () => /.* · .*/.exec(await page.title())?.[0], 'the title');
    expect(title).toBe(`${heading} · tasks on Redis`);
    await expectSoundPage(page, WIDE);
  });

  it('marks its link in the navigation', async () => {
    await visit.open('tasks');
    const current = visit.page.getByRole('navigation', { name: 'Views' }).locator('[aria-current=page]');
    expect(await current.innerText()).toBe('Tasks');
  });
});

const EMPTY: readonly (readonly [path: string, data: Partial<Views>, text: string])[] = [
  ['executions', { executions: { executions: [] } }, 'No executions yet'],
  ['executions?task=a', { executions: { executions: [] } }, 'The filter is: task a.'],
  ['executions', { executions: { executions: [], cursor: 'c' } }, 'None in the first part'],
  ['execution?key=a', { execution: { ...CANNED_EXECUTION, trail: [], logs: [] } }, 'No lines are kept'],
  ['failures', { failures: [] }, 'No failures'],
  ['tasks', { tasks: [] }, 'No tasks'],
  ['schedules', { schedules: [] }, 'No schedules'],
  ['strikes', { strikes: [] }, 'No strike is in force'],
  ['limits', { limits: [] }, 'No limit is in use'],
  ['workers', { workers: [] }, 'No worker is there'],
  ['now', { now: { host: 'a', pid: 1, counts: {}, pools: [], running: 0, tasks: [] } }, 'No request task runs'],
  ['overview', { overview: { ...CANNED_OVERVIEW, attention: [], timeline: [] } }, 'Nothing needs a person.'],
];

it.each(EMPTY)('says at %s what would be here while there is nothing', async (path, data, text) => {
  Object.assign(visit.fake.views, data);
  await visit.open(path);
  expect(await visit.page.getByRole('main').getByText(text).innerText()).toContain(text);
  await expectSoundPage(visit.page, WIDE);
});

describe('the charts', () => {
  /** Waits until a chart has the colour of a series. Polls from here: the page's policy forbids to do it there. */
  const drawnIn = (color: string, chart = 0): Promise<unknown> =>
    until(
      () =>
        visit.page.evaluate<boolean>(`(() => {
          const canvas = document.querySelectorAll('canvas')[${chart}];
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          for (let at = 0; at < data.length; at += 4) if (data.slice(at, at + 3).join() === '${color}') return true;
          return false;
        })()`),
      `the colour ${color}`,
    );

  it('draw a queue whose only runs were in the last step', async () => {
    const zero = {
      added: 0,
      started: 0,
      completed: 0,
      failed: 0,
      retried: 0,
      cancelled: 0,
      dropped: 0,
      wait: {},
      run: {},
    };
    const timeline = CANNED_OVERVIEW.timeline.map((point) => ({ ...zero, at: point.at }));
    const last = { ...timeline.at(-1)!, completed: 5, wait: { p50: 10, p95: 20 } };
    visit.fake.views.overview = { ...CANNED_OVERVIEW, timeline: [...timeline.slice(0, -1), last] };
    await visit.page.emulateMedia({ colorScheme: 'light' });
    await visit.open('overview');
    await drawnIn('27,110,69');
    await drawnIn('11,99,130', 1);
    expect(await visit.page.locator('canvas').count()).toBe(2);
  });

  it('have tables of the same figures', async () => {
    await visit.open('overview');
    const { page } = visit;
    await page.getByText('Ended executions, each 1 min: the figures').click();
    const table = page.getByRole('table', { name: 'Ended executions, each 1 min' });
    const last = CANNED_OVERVIEW.timeline.at(-1)!;
    const cells = await table.getByRole('row').nth(1).getByRole('cell').allInnerTexts();
    const { added, started, failed, dropped, cancelled, completed, retried } = last;
    expect(cells).toEqual([added, started, failed, dropped, cancelled, completed, retried].map(String));
    await page.getByText('Time from due to start: the figures').click();
    const latency = page.getByRole('table', { name: 'Time from due to start' });
    expect(await latency.getByRole('row').nth(1).getByRole('cell').allInnerTexts()).toEqual(['1.5 s', '99 ms']);
    await expectSoundPage(page, WIDE);
  });

  it('are drawn again in the colours of another scheme, and at another width', async () => {
    const { page } = visit;
    await page.emulateMedia({ colorScheme: 'light' });
    await visit.open('overview');
    await drawnIn('27,110,69');
    await page.emulateMedia({ colorScheme: 'dark' });
    await drawnIn('116,207,158');
    const { width } = (await page.locator('canvas').first().boundingBox())!;
    await page.setViewportSize({ width: 400, height: 800 });
    await until(async () => (await page.locator('canvas').first().boundingBox())!.width < width, 'a narrow chart');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);
  });
});

describe('text that others have written', () => {
  const HOSTILE = `<img src=x onerror="alert(1)"></script><script>alert(2)</script>`;
  const MARKED = `${HOSTILE}" onfocus="alert(3)" autofocus="`;

  it('is shown as it is, in every view', async () => {
    const canned = cannedViews();
    const execution = { ...cannedExecution(6), task: HOSTILE, key: MARKED, worker: HOSTILE, reason: HOSTILE };
    const error = { name: HOSTILE, message: HOSTILE, stack: HOSTILE };
    const point = CANNED_OVERVIEW.stats.tasks['mail.send']!;
    const attention = [{ level: 'error', text: HOSTILE, view: `javascript:alert(4)//${HOSTILE}` }] as const;
    Object.assign(visit.fake.views, {
      summary: {
        ...CANNED_SUMMARY,
        queue: HOSTILE,
        user: HOSTILE,
        attention,
        pause: { reason: HOSTILE, since: execution.addedAt },
      },
      overview: { ...CANNED_OVERVIEW, attention, stats: { ...CANNED_OVERVIEW.stats, tasks: { [HOSTILE]: point } } },
      executions: { executions: [{ ...execution, error, progress: { current: 1, total: 2, message: HOSTILE } }] },
      execution: {
        ...execution,
        call: HOSTILE,
        error: { ...error, cause: error, errors: [error] },
        trail: [{ at: execution.addedAt, type: HOSTILE, reason: HOSTILE, worker: HOSTILE }],
        logs: [{ at: execution.addedAt, level: HOSTILE, message: HOSTILE, attempt: 1 }],
      },
      failures: [{ ...canned.failures[0]!, task: HOSTILE, error, example: MARKED }],
      tasks: [{ ...canned.tasks[0]!, name: HOSTILE, behaviours: [HOSTILE] }],
      schedules: [{ ...canned.schedules[0]!, task: HOSTILE, key: MARKED, schedule: HOSTILE }],
      strikes: [{ ...canned.strikes[0]!, task: HOSTILE, text: HOSTILE, reason: HOSTILE, by: HOSTILE }],
      limits: [{ ...canned.limits[0]!, owner: HOSTILE, value: HOSTILE, holders: [MARKED], waiters: [MARKED] }],
      workers: [{ ...canned.workers[0]!, id: HOSTILE, host: HOSTILE, tasks: [HOSTILE] }],
      now: { ...canned.now, host: HOSTILE, tasks: [{ ...canned.now.tasks[0]!, name: HOSTILE, status: HOSTILE }] },
    });
    const { page } = visit;
    for (const [path] of VIEWS) {
      await visit.open(path);
      await page.getByRole('main').getByText(HOSTILE).first().waitFor();
      expect(await page.locator('main img, main script, [onerror], [autofocus], a[href^=javascript]').count()).toBe(0);
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    }
    await page.setViewportSize({ width: 375, height: 800 });
    for (const [path] of VIEWS) {
      await visit.open(path);
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, 375]);
    }
    await visit.open(`executions?task=${encodeURIComponent(HOSTILE)}&error=${encodeURIComponent(MARKED)}`);
    expect(await page.getByRole('textbox', { name: 'Error has' }).inputValue()).toBe(MARKED);
    // afterEach: no dialog, no request, nothing in the console.
  });
});

it('moves nothing for those who want no motion', async () => {
  const { page } = visit;
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await visit.open('executions');
  const moving = `[...document.querySelectorAll('*')].filter((element) => getComputedStyle(element).transitionDuration !== '0s').length`;
  expect(await page.evaluate(moving)).toBe(0);
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  expect(await page.evaluate(moving)).toBeGreaterThan(0);
});
