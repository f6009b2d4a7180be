import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import { Work } from './work.js';

@Injectable()
export class CatalogueTasks {
  constructor(private readonly work: Work) {}

  /** Not shielded: a worker that shuts down hands it back to the queue. */
  @Durable('catalogue.index')
  async index(): Promise<string> {
    await this.work.once(2_000);
    return 'catalogue indexed';
  }
}
