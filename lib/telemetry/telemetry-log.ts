import type { OpenTelemetry } from './open-telemetry.js';

/** Where OpenTelemetry's own troubles are told: an SDK that fails is no reason for a task to. */
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
