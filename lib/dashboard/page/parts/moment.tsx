import { useEffect, useState } from 'preact/hooks';
import { durationText, relativeText } from './duration.js';

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

const readers = new Set<() => void>();
let ticking: number | undefined;

/** Calls the reader once a second; one timer serves all. */
function everySecond(reader: () => void): () => void {
  readers.add(reader);
  ticking ??= window.setInterval(() => {
    for (const read of readers) read();
  }, 1_000);
  return () => {
    readers.delete(reader);
    if (readers.size > 0) return;
    window.clearInterval(ticking);
    ticking = undefined;
  };
}

/** Text that depends on the time: drawn again only when it differs. */
function useTicking(textAt: (now: number) => string): string {
  const [, setText] = useState('');
  useEffect(() => everySecond(() => setText(textAt(Date.now()))), [textAt]);
  return textAt(Date.now());
}

/** Time relative to now, with the exact one as its title. */
export function Moment({ at }: { readonly at: string }) {
  const date = new Date(at);
  const text = useTicking((now) => relativeText(date.getTime(), now));
  return (
    <time dateTime={at} title={EXACT.format(date)}>
      {text}
    </time>
  );
}

/** Time of the day, with the date as its title: for lists whose order matters more than the distance. */
export function Clock({ at }: { readonly at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={EXACT.format(date)}>
      {CLOCK.format(date)}
    </time>
  );
}

/** Time that has gone by since then. */
export function Elapsed({ since }: { readonly since: string }) {
  const from = Date.parse(since);
  return <>{useTicking((now) => durationText(Math.max(0, now - from)))}</>;
}

export function clockText(date: Date): string {
  return CLOCK.format(date);
}

export function exactText(at: string): string {
  return EXACT.format(new Date(at));
}
