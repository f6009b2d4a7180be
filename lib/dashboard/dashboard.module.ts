import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { DASHBOARD_ACCESS } from './access/dashboard-access.js';
import { DashboardActions } from './dashboard-actions.js';
import { DashboardFleet } from './dashboard-fleet.js';
import { DashboardLog } from './dashboard-log.js';
import { resolveDashboardOptions, type TasksDashboardOptions } from './dashboard-options.js';
import { DashboardViews } from './dashboard-views.js';
import { LiveTimes } from './live/live-times.js';
import { LiveViews } from './live/live-views.js';
import { OpenStreams } from './live/open-streams.js';
import { PageFiles } from './page-files.js';
import { controllersAt } from './routes/controllers-at.js';

const PROVIDERS: readonly Provider[] = [
  DashboardActions,
  DashboardFleet,
  DashboardLog,
  DashboardViews,
  LiveTimes,
  LiveViews,
  OpenStreams,
  PageFiles,
];

/**
 * Serves a page that shows the tasks of the fleet and acts on them, with its JSON API, under the guards of the application.
 * Import it beside `TasksModule.forRoot()`.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [TasksModule.forRoot(), TasksDashboardModule.forRoot({ path: 'tasks', access: OperatorAccess })],
 * })
 * export class AppModule {}
 * ```
 * @publicApi
 */
@Module({})
export class TasksDashboardModule {
  /**
   * Creates the module.
   *
   * @param options see {@link TasksDashboardOptions}.
   * @throws {TasksConfigError} naming the first option that cannot be used, or that nothing protects the dashboard.
   */
  static forRoot(options: TasksDashboardOptions): DynamicModule {
    const { path, access, guards, imports } = resolveDashboardOptions(options);
    return {
      module: TasksDashboardModule,
      imports,
      controllers: controllersAt(path, guards),
      providers: [...PROVIDERS, ...(access === undefined ? [] : [{ provide: DASHBOARD_ACCESS, useClass: access }])],
    };
  }
}
