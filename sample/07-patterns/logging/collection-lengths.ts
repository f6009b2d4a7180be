import { Injectable } from '@nestjs/common';
import { Durable, Logged } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';

@Injectable()
export class BulkTasks {
  @Durable('users.update')
  update(
    @Logged({ lengthOnly: true }) userIds: string[],
    @Logged({ lengthOnly: true }) metadata: Record<string, string>,
    @Logged({ lengthOnly: true }) options: Set<string>,
  ): number {
    return userIds.length + Object.keys(metadata).length + options.size;
  }
}

export async function playCollectionLengths({ queue, log, say }: Stage, { update }: BulkTasks): Promise<void> {
  const userIds = Array.from({ length: 150 }, (_, at) => `user-${at}`);
  const metadata = { a: '1', b: '2', c: '3', d: '4', e: '5' };
  const execution = await queue.add(update, { key: 'bulk' })(userIds, metadata, new Set(['x', 'y', 'z']));
  await execution.result({ timeout: '10s' });
  say(log.with('users.update(')[0]?.message ?? '');
}
