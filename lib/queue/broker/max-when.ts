/** The longest Duration from now that an execution may be due after, ten years, in milliseconds. */
export const MAX_WHEN = 315_576_000_000;
