import type { PageView } from '../client/api.js';

/** Headings of the views. */
export const TITLES: Readonly<Record<PageView, string>> = {
  overview: 'Overview',
  executions: 'Executions',
  execution: 'Execution',
  failures: 'Failures',
  tasks: 'Tasks',
  schedules: 'Schedules',
  strikes: 'Strikes',
  limits: 'Limits',
  workers: 'Workers',
  now: 'Now',
};

/** Views of the navigation, in its order. */
export const NAVIGATION = [
  'overview',
  'executions',
  'failures',
  'tasks',
  'schedules',
  'strikes',
  'limits',
  'workers',
  'now',
] as const satisfies readonly PageView[];
