export { TasksDashboardModule } from './dashboard.module.js';
export type { TasksDashboardOptions } from './dashboard-options.js';
export type { TasksDashboardAccess, TasksDashboardRight } from './access/dashboard-access.js';
