import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outbox } from '../queue/broker/outbox/outbox.js';
import { OutboxRelay } from '../queue/worker/relay/outbox-relay.js';

/** Pause while the relay of `start()` is at work, in milliseconds. */
const PAUSE = 5;

/** Relay of a test: it looks into the outbox when the test says so, or from `begin()` on. */
@Injectable()
export class TestRelay extends OutboxRelay {
  #hasBegun = false;
  #isStarted = false;
  /** Nothing waits for the relay where nothing was written: its database may not even be there. */
  #hasRows = false;
  readonly #writes = this.outbox?.written$.subscribe(() => (this.#hasRows = true));

  /** Looks by itself from now on, as in production. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    if (this.#isStarted && this.outbox !== undefined) super.watch(this.outbox);
  }

  /** Relays what has committed until now. @throws the error of the database. */
  async relayAll(): Promise<void> {
    while (this.#hasRows && !(await this.relayNow())) await sleep(PAUSE);
  }

  /** Leaves nothing of the test in the tables of the application. */
  override async end(): Promise<void> {
    this.#writes?.unsubscribe();
    await super.end();
    if (this.outbox?.identity !== undefined) await this.outbox.relay.forgetFleet().catch(() => {});
  }

  protected override watch(outbox: Outbox): void {
    this.#isStarted = true;
    if (this.#hasBegun) super.watch(outbox);
  }
}
