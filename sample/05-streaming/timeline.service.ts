import { Injectable } from '@nestjs/common';
import type { Download } from './download.js';

export type Moment =
  | 'immediate task'
  | 'after-route task'
  | 'first chunk'
  | 'last chunk'
  | 'response sent'
  | 'client gone'
  | 'after-response task';

export interface TimelineEntry {
  readonly at: Date;
  readonly kind: Download['kind'];
  readonly id: string;
  readonly moment: Moment;
}

const MAX_ENTRIES = 1_000;

@Injectable()
export class Timeline {
  private readonly log: TimelineEntry[] = [];

  get entries(): readonly TimelineEntry[] {
    return this.log;
  }

  add({ kind, id }: Download, moment: Moment): void {
    this.log.push({ at: new Date(), kind, id, moment });
    if (this.log.length > MAX_ENTRIES) this.log.shift();
  }
}
