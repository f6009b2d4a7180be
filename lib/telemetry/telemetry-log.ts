import type { OpenTelemetry } from './open-telemetry.js';

/** Log of OpenTelemetry's own errors: a failing SDK must not fail a task. */
export class TelemetryLog {
  readonly #api: OpenTelemetry;

  constructor(api: OpenTelemetry) {
    this.#api = api;
  }

  failed(error: unknown): void {
    try {
      this.#api.diag.error('nestjs-tasks could not record a task', error);
    } catch {
      // the application's own DiagLogger
    }
  }
}
