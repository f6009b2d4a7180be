const WHOLE = new Intl.NumberFormat();
const RATE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export function numberText(value: number): string {
  return WHOLE.format(value);
}

export function rateText(value: number): string {
  return RATE.format(value);
}

/** Returns a number with its noun, such as `1 execution` or `41,302 executions`. */
export function counted(count: number, noun: string): string {
  return `${numberText(count)} ${noun}${count === 1 ? '' : 's'}`;
}
