import { Injectable } from '@nestjs/common';
import { Durable, Perpetual, TaskContext } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';

@Injectable()
export class DeploymentTasks {
  readonly seen: string[] = [];
  private readonly statuses = ['pending', 'rolling out', 'rolling out', 'completed'];

  constructor(private readonly context: TaskContext) {}

  @Perpetual({ every: '80ms' })
  @Durable('deployments.monitor')
  monitor(deploymentId: string): string {
    const status = this.statuses[this.seen.length] ?? 'completed';
    this.seen.push(status);
    if (status === 'completed' || status === 'failed') this.context.perpetual.cancel(); // no run follows this one
    return `${deploymentId} has ${status}`;
  }
}

export async function playMonitorDeployment({ queue, say }: Stage, tasks: DeploymentTasks): Promise<void> {
  const execution = await queue.add(tasks.monitor, { key: 'monitor:v42' })('v42');
  const result = await execution.result({ timeout: '10s' }); // of the last run
  say(`seen: ${tasks.seen.join(', ')}`);
  say(`then it is ${(await execution.refresh()).state}, with the result '${result}'`);
}
