import type { TaskView } from '../../../operations/api.js';

/** Orders of the tasks, as the address names them. Names ascend, figures descend. */
export const SORTS = {
  name: undefined,
  waiting: ({ depth }: TaskView) => depth.waiting,
  running: ({ depth }: TaskView) => depth.running,
  oldest: ({ depth }: TaskView) => depth.oldestWait ?? -1,
  rate: ({ lastHour }: TaskView) => lastHour.perMinute,
  failed: ({ lastHour }: TaskView) => lastHour.failed,
  wait: ({ lastHour }: TaskView) => lastHour.wait.p95 ?? -1,
  run: ({ lastHour }: TaskView) => lastHour.run.p95 ?? -1,
} as const;

export type SortName = keyof typeof SORTS;

export function sortNamed(name: string | null): SortName {
  return name !== null && Object.hasOwn(SORTS, name) ? (name as SortName) : 'name';
}

export function sorted(tasks: readonly TaskView[], sort: SortName): readonly TaskView[] {
  const figureOf = SORTS[sort];
  const byName = tasks.toSorted((a, b) => a.name.localeCompare(b.name));
  return figureOf === undefined ? byName : byName.toSorted((a, b) => figureOf(b) - figureOf(a));
}
