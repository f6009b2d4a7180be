/** Exit codes of the command line. Scripts match them: a change of their meaning is a breaking one. */
export const EXIT = {
  done: 0,
  /** Not found, refused, answered no, or behind. */
  refused: 1,
  /** The broker cannot be reached, or lets nobody in. */
  unreachable: 2,
  /** Wrong use, by the number of sysexits.h. */
  usage: 64,
  /** Ended by SIGINT, as shells count it. */
  interrupted: 130,
  /** Ended by SIGTERM. */
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Command that cannot be run as it was typed. The message names the remedy. */
export class UsageError extends Error {}
