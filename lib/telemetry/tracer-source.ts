import type { Tracer, TracerProvider } from '@opentelemetry/api';
import { SCOPE, SCOPE_VERSION, type OpenTelemetry } from './open-telemetry.js';
import type { TelemetryLog } from './telemetry-log.js';

/** Finds the tracer of the SDK that is registered now: it may come late, and be replaced. */
export class TracerSource {
  readonly #api: OpenTelemetry;
  readonly #log: TelemetryLog;
  #provider: TracerProvider | undefined;
  #tracer: Tracer | undefined;

  constructor(api: OpenTelemetry, log: TelemetryLog) {
    this.#api = api;
    this.#log = log;
  }

  /** Returns nothing without an SDK. */
  find(): Tracer | undefined {
    try {
      const provider = this.#api.trace.getTracerProvider();
      if (provider !== this.#provider || this.#tracer === undefined) {
        this.#provider = provider;
        // The placeholder before an SDK's registration would give a tracer without effect, at a price.
        const isProxy = provider instanceof this.#api.ProxyTracerProvider;
        this.#tracer = isProxy
          ? provider.getDelegateTracer(SCOPE, SCOPE_VERSION)
          : provider.getTracer(SCOPE, SCOPE_VERSION);
      }
      return this.#tracer;
    } catch (error) {
      this.#log.failed(error);
      return undefined;
    }
  }
}
