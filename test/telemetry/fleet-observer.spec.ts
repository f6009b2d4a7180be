import { describe, expect, it } from '@jest/globals';
import type { Duties } from '../../lib/queue/broker/duties.js';
import { FleetObserver } from '../../lib/telemetry/fleet-observer.js';
import { until } from '../support/until.js';

/** A fleet's duties, without leases. */
class OneDuty implements Duties {
  holder: string | undefined;
  isDown = false;

  take(_duty: string, holder: string): Promise<boolean> {
    if (this.isDown) return Promise.reject(new Error('down'));
    this.holder ??= holder;
    return Promise.resolve(this.holder === holder);
  }

  leave(_duty: string, holder: string): Promise<void> {
    if (this.holder === holder) this.holder = undefined;
    return Promise.resolve();
  }
}

describe('FleetObserver', () => {
  it('observes in one process, until that lets go of it', async () => {
    const duties = new OneDuty();
    const [first, second] = [new FleetObserver(duties, 'a', 5), new FleetObserver(duties, 'b', 5)];
    first.start();
    second.start();
    expect([await first.isObserving(), await second.isObserving()]).toEqual([true, false]);
    expect([await first.isObserving(), await second.isObserving()]).toEqual([true, false]);
    first.stop();
    expect(await first.isObserving()).toBe(false);
    await until(() => second.isObserving(), 'the other one to observe');
    second.stop();
    expect(duties.holder).toBeUndefined();
  });

  it('does not observe before it was started, and asks nobody', async () => {
    const duties = new OneDuty();
    expect(await new FleetObserver(duties, 'a').isObserving()).toBe(false);
    expect(duties.holder).toBeUndefined();
  });

  it('begins when the broker answers', async () => {
    const duties = new OneDuty();
    duties.isDown = true;
    const observer = new FleetObserver(duties, 'a', 5);
    observer.start();
    expect(await observer.isObserving()).toBe(false);
    duties.isDown = false;
    await until(() => observer.isObserving(), 'it to observe');
    observer.stop();
  });
});
