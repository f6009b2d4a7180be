import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { join } from 'node:path';
import { metrics, trace, type ProxyTracerProvider } from '@opentelemetry/api';
import { NoTracer } from '../../lib/scheduler/task-tracer.js';
import { TaskEvents } from '../../lib/scheduler/task-events.js';
import { createTaskTracer } from '../../lib/telemetry/create-task-tracer.js';
import { loadOpenTelemetry } from '../../lib/telemetry/open-telemetry.js';
import { Sdk } from './sdk.js';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('without @opentelemetry/api', () => {
  it('nothing traces, and nothing listens', () => {
    const events = new TaskEvents();
    const listen = jest.spyOn(events, 'listen');
    const tracer = createTaskTracer({ telemetry: true }, events, () => loadOpenTelemetry('not-installed'));
    expect(tracer).toBeInstanceOf(NoTracer);
    expect(listen).not.toHaveBeenCalled();
  });

  it('a package that is there but broken fails with its own error', () => {
    expect(() => loadOpenTelemetry(join(import.meta.dirname, 'broken.cjs'))).toThrow(/no-such-dependency/);
  });
});

describe('with telemetry: false', () => {
  it('the package is not even loaded', () => {
    const load = jest.fn(loadOpenTelemetry);
    const events = new TaskEvents();
    const listen = jest.spyOn(events, 'listen');
    expect(createTaskTracer({ telemetry: false }, events, load)).toBeInstanceOf(NoTracer);
    expect(load).not.toHaveBeenCalled();
    expect(listen).not.toHaveBeenCalled();
  });
});

describe('with @opentelemetry/api', () => {
  it('is active as soon as, and as long as, an SDK is registered', () => {
    const tracer = createTaskTracer({ telemetry: true }, new TaskEvents());
    expect(tracer.isActive).toBe(false);
    const sdk = new Sdk();
    expect(tracer.isActive).toBe(true);
    sdk[Symbol.dispose]();
    expect(tracer.isActive).toBe(false);
  });

  it('asks an SDK once for its tracer and its meter', () => {
    const sdk = new Sdk();
    const getTracer = jest.spyOn(trace.getTracerProvider() as ProxyTracerProvider, 'getDelegateTracer');
    const getMeter = jest.spyOn(metrics.getMeterProvider(), 'getMeter');
    const events = new TaskEvents();
    const tracer = createTaskTracer({ telemetry: true }, events);
    for (let count = 0; count < 3; count++) {
      expect(tracer.isActive).toBe(true);
      events.attend();
      events.emit('abandoned', { config: {} } as never, 'did not stop in time');
    }
    expect(getTracer).toHaveBeenCalledTimes(1);
    expect(getMeter).toHaveBeenCalledTimes(1);
    sdk[Symbol.dispose]();
  });
});
