import type { Execution } from 'nestjs-tasks';

/** What became of an execution that a strike may be on, in words. */
export async function verdict(execution: Execution): Promise<string> {
  const call = `${execution.name}(${execution.args.map((arg) => JSON.stringify(arg)).join(', ')})`;
  if (execution.disposition !== 'struck') await execution.result({ timeout: '10s' });
  await execution.refresh();
  const why = execution.reason === undefined ? '' : `, ${execution.reason}`;
  return `${call}: ${execution.state}${why}`;
}
