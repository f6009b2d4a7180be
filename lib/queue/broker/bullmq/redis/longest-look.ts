/** Longest list of what waits that a script looks through for one job. */
export const LONGEST_LOOK = 1_000;
