import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';

/** What a character of a bar stands for, in milliseconds. */
const CHARACTER = 10;
const NAME_WIDTH = 32;

/** Keeps spans, and draws them: traces one below the other, with what they link to. */
export class TimelineExporter implements SpanExporter {
  private spans: ReadableSpan[] = [];

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    this.spans.push(...spans);
    done({ code: 0 });
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  /** The spans since the last call, in lines. */
  draw(): string[] {
    const spans = this.spans.splice(0).toSorted((one, other) => startOf(one) - startOf(other));
    const [first] = spans;
    if (first === undefined) return [];
    const roots = spans.filter(({ parentSpanContext }) => parentSpanContext === undefined);
    const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
    return roots.flatMap((root) => [
      this.line(root, 0, first, byId),
      ...spans
        .filter(({ parentSpanContext }) => parentSpanContext?.spanId === root.spanContext().spanId)
        .map((child) => this.line(child, 1, first, byId)),
    ]);
  }

  private line(span: ReadableSpan, depth: number, first: ReadableSpan, byId: Map<string, ReadableSpan>): string {
    const name = `${depth === 0 ? '' : '└ '}${span.name}`.padEnd(NAME_WIDTH);
    const before = Math.max(0, Math.round((startOf(span) - startOf(first)) / CHARACTER));
    const length = Math.max(1, Math.round(milliseconds(span.duration) / CHARACTER));
    const links = span.links.map(({ context }) => `linked to ${byId.get(context.spanId)?.name}`);
    const events = span.events.map((event) => event.name).join(', ');
    const { 'task.status': status, 'task.reason': reason, tenant } = span.attributes;
    const notes = [
      ...(status === undefined ? [] : [`${String(status)} (${String(reason)})`]),
      ...(tenant === undefined ? [] : [`for ${String(tenant)}`]),
      ...(events === '' ? [] : [events]),
      ...links,
    ];
    return `${name} ${' '.repeat(before)}${'█'.repeat(length)} ${notes.join('; ')}`.trimEnd();
  }
}

function startOf(span: ReadableSpan): number {
  return milliseconds(span.startTime);
}

function milliseconds([seconds, nanoseconds]: [number, number]): number {
  return seconds * 1_000 + nanoseconds / 1_000_000;
}
