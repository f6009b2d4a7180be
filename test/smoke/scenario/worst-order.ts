import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import {
  Controller,
  Get,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import {
  currentTask,
  Tasks,
  TasksModule,
  TasksService,
  type Task,
  type TaskBatch,
  type TaskScheduler,
} from 'nestjs-tasks';
import type { Write } from './check.js';

const OTHERS = ['root', 'earlier database', 'later database', 'feature', 'deep feature'];

/** A point that one side waits at until the other has passed it. */
export class Gate {
  pass!: () => void;
  readonly passed = new Promise<void>((resolve) => {
    this.pass = resolve;
  });
}

/** What happens while the application shuts down. */
export class Scene {
  readonly requestArrived = new Gate();
  /** The shielded task may end. */
  readonly release = new Gate();
  /** All others are past their `beforeApplicationShutdown`, and the request in flight may end. */
  readonly serverCloses = new Gate();
  private readonly unpassed = new Set(OTHERS);

  constructor(readonly write: Write) {}

  recordHook(hook: string, who: string): void {
    this.write(`${hook} of ${who}`);
    if (hook === 'beforeApplicationShutdown' && this.unpassed.delete(who) && this.unpassed.size === 0) {
      this.serverCloses.pass();
    }
  }

  /** One task that the shutdown has to wait for, and one that it has to cancel. */
  startTasks(scheduler: TaskScheduler): void {
    const isCancelled = this.startUnshielded('unshielded task', scheduler);
    this.startShielded('shielded task', scheduler, async () => {
      await isCancelled;
      await this.release.passed;
    });
  }

  /** The same in a request: its shielded task starts in the middle of the shutdown. */
  async serve(tasks: TasksService): Promise<string> {
    const isCancelled = this.startUnshielded("request's unshielded task", tasks);
    this.startShielded("request's shielded task", tasks.afterResponse, async () => {
      this.write("request's shielded task starts");
      await isCancelled;
    });
    this.requestArrived.pass();
    await this.serverCloses.passed;
    return 'served';
  }

  private startUnshielded(name: string, tasks: TasksService | TaskScheduler): Promise<void> {
    const task = tasks.task({ name }).schedule(async () => {
      const { signal } = currentTask();
      await once(signal, 'abort');
      throw signal.reason;
    });
    return this.tellEnd(name, task);
  }

  private startShielded(name: string, tasks: TaskBatch | TaskScheduler, body: () => Promise<void>): void {
    const task = tasks.task({ name, shield: true }).schedule(async () => {
      await body();
      await setTimeout(20); // time enough for hooks that do not wait
      currentTask().signal.throwIfAborted();
    });
    void this.tellEnd(name, task);
  }

  private async tellEnd(name: string, { done }: Task<void>): Promise<void> {
    const { status } = await done;
    this.write(`${name} is ${status}`);
  }
}

class HookRecorder implements OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    private readonly who: string,
    private readonly scene: Scene,
  ) {}

  onModuleDestroy(): void {
    this.scene.recordHook('onModuleDestroy', this.who);
  }

  beforeApplicationShutdown(): void {
    this.scene.recordHook('beforeApplicationShutdown', this.who);
  }

  onApplicationShutdown(): void {
    this.scene.recordHook('onApplicationShutdown', this.who);
  }
}

@Controller()
class SceneController {
  constructor(private readonly scene: Scene) {}

  @Get()
  get(@Tasks() tasks: TasksService): Promise<string> {
    return this.scene.serve(tasks);
  }
}

@Module({})
class EarlierDatabaseModule {}

@Module({})
class LaterDatabaseModule {}

@Module({})
class FeatureModule {}

@Module({})
class DeepFeatureModule {}

@Module({})
class AppModule {}

/** The ways to set the tasks module up, and the module that imports it. */
export const SETUPS = {
  'forRoot()': { tasks: () => TasksModule.forRoot(), importer: AppModule },
  'forRoot({ isGlobal: false })': { tasks: () => TasksModule.forRoot({ isGlobal: false }), importer: AppModule },
  'forRoot({ isGlobal: false }) in a deep module': {
    tasks: () => TasksModule.forRoot({ isGlobal: false }),
    importer: DeepFeatureModule,
  },
  'forRootAsync()': {
    tasks: () => TasksModule.forRootAsync({ useFactory: async () => ({}) }),
    importer: AppModule,
  },
  'forRootAsync({ isGlobal: false })': {
    tasks: () => TasksModule.forRootAsync({ isGlobal: false, useFactory: async () => ({}) }),
    importer: AppModule,
  },
};

export type Setup = keyof typeof SETUPS;

/** An application that imports the tasks module between two global modules, one of which Nest would shut down first. */
export function worstOrder(setup: Setup, scene: Scene): DynamicModule {
  const { tasks, importer } = SETUPS[setup];
  const define = (module: DynamicModule['module'], who: string, ...imports: DynamicModule[]): DynamicModule => ({
    module,
    imports: [...imports, ...(module === importer ? [tasks()] : [])],
    providers: [{ provide: who, useFactory: () => new HookRecorder(who, scene) }],
  });
  const earlier = { ...define(EarlierDatabaseModule, 'earlier database'), global: true };
  const later = { ...define(LaterDatabaseModule, 'later database'), global: true };
  const feature = define(FeatureModule, 'feature', define(DeepFeatureModule, 'deep feature'));
  const app = define(AppModule, 'root', earlier, feature);
  return {
    ...app,
    imports: [...(app.imports ?? []), later],
    controllers: [SceneController],
    providers: [...(app.providers ?? []), { provide: Scene, useValue: scene }],
  };
}

/** The hooks of one phase in one line: their order is Nest's affair, and differs between its majors. */
export function groupHooks(lines: string[]): string[] {
  const grouped: string[] = [];
  let hook: string | undefined;
  let names: string[] = [];
  for (const line of lines) {
    const [, name, who] = /^(on\w+|before\w+) of (.+)$/.exec(line) ?? [];
    if (name !== hook) names = [];
    hook = name;
    if (who === undefined) grouped.push(line);
    else {
      if (names.length > 0) grouped.pop();
      names.push(who);
      grouped.push(`${name} of ${names.toSorted().join(', ')}`);
    }
  }
  return grouped;
}

/** What has to happen, and in which order. */
export function expectedLines({ withRequest }: { withRequest: boolean }): string[] {
  const others = OTHERS.toSorted().join(', ');
  const ofRequest = [
    "request's shielded task starts",
    "request's unshielded task is cancelled",
    "request's shielded task is succeeded",
  ];
  return [
    'unshielded task is cancelled',
    'shielded task is succeeded',
    `onModuleDestroy of ${others}`,
    `beforeApplicationShutdown of ${others}`,
    ...(withRequest ? ofRequest : []),
    `onApplicationShutdown of ${others}`,
  ];
}
