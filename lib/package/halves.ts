import { TasksUsageError } from '../task/usage-errors.js';
import { FORMAT, VERSION, type PackageFormat } from './build.js';

/** Copy of the package that the process has loaded. */
interface Half {
  readonly format: PackageFormat;
  readonly version: string;
  /** `TasksModule.forRoot()` of this copy was called. */
  isSetUp: boolean;
}

/** Shared by all copies. Jest and Vitest give each test file a `globalThis` of its own. */
const HALVES = Symbol.for('nestjs-tasks:halves');

const NAMES: Record<PackageFormat, string> = {
  esm: "its ES module (import 'nestjs-tasks')",
  cjs: "its CommonJS half (require('nestjs-tasks'))",
  source: 'its source',
};

/**
 * Refuses an application that runs both formats of one version. Each half has classes and metadata of its own: the
 * injector does not find the services of the other, and decorators of the other go unnoticed.
 *
 * Copies of the same format are let be: `jest.resetModules()` makes them. Copies of different versions are two packages.
 */
export class Halves {
  private readonly half: Half;

  constructor(
    format: PackageFormat = FORMAT,
    version: string = VERSION,
    private readonly loaded: Set<Half> = loadedHalves(),
  ) {
    this.half = { format, version, isSetUp: false };
  }

  /** @throws {TasksUsageError} `TWO_HALVES` when the module of the other half is set up. */
  load(): void {
    if (this.others().some(({ isSetUp }) => isSetUp)) throw twoHalves(this.half);
    this.loaded.add(this.half);
  }

  /** @throws {TasksUsageError} `TWO_HALVES` when the other half is loaded. */
  setUp(): void {
    if (this.others().length > 0) throw twoHalves(this.half);
    this.half.isSetUp = true;
  }

  private others(): Half[] {
    const { format, version } = this.half;
    return [...this.loaded].filter((other) => other.version === version && other.format !== format);
  }
}

function loadedHalves(): Set<Half> {
  const shared = globalThis as { [HALVES]?: Set<Half> };
  if (shared[HALVES] === undefined) Object.defineProperty(shared, HALVES, { value: new Set<Half>() });
  return shared[HALVES] as Set<Half>;
}

function twoHalves({ format, version }: Half): TasksUsageError {
  const [first, second] = format === 'cjs' ? [NAMES.cjs, NAMES.esm] : [NAMES.esm, NAMES.cjs];
  return new TasksUsageError(
    'TWO_HALVES',
    `This process loads nestjs-tasks ${version} twice: ${first} and ${second}. Tasks and services of one are unknown to the other. Load it one way everywhere: compile all of the application, and the packages that use nestjs-tasks, to one module format.`,
  );
}

/** Half that this code belongs to. */
export const thisHalf = new Halves();
