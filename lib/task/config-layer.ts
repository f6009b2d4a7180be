import { mergeTaskConfig, resolveTaskConfig, type TaskConfig } from './task-config.js';
import type { ResolvedTaskConfig } from './task.js';

/** Options merged so far, with their resolved form: computed once for all tasks without overrides. */
export class ConfigLayer {
  #resolved: ResolvedTaskConfig | undefined;

  constructor(readonly config: TaskConfig) {}

  /** The layer with `overrides` on top, weakest first. */
  with(...overrides: TaskConfig[]): ConfigLayer {
    return new ConfigLayer(overrides.reduce(mergeTaskConfig, this.config));
  }

  get resolved(): ResolvedTaskConfig {
    return (this.#resolved ??= resolveTaskConfig(this.config));
  }
}
