import type { OverviewView, TimelinePoint } from '../../../operations/api.js';
import { Chart, type Series } from '../chart/chart.js';
import { Figures } from '../chart/figures.js';
import { durationText } from '../parts/duration.js';
import { counted, numberText } from '../parts/number.js';
import { unchanging } from '../parts/unchanging.js';

/** Drawn from the bottom to the top in reverse: what is bad lies on top. */
const OUTCOMES = ['failed', 'dropped', 'cancelled', 'completed'] as const;

export const Throughput = unchanging(({ timeline, step }: Pick<OverviewView, 'timeline' | 'step'>) => {
  const series = OUTCOMES.map((name): Series => {
    return { name, color: `--${name}`, values: timeline.map((point) => point[name]) };
  });
  const title = `Ended executions, each ${durationText(step)}`;
  const sum = (name: keyof TimelinePoint & ('failed' | 'completed' | 'retried')): number =>
    timeline.reduce((total, point) => total + point[name], 0);
  return (
    <section aria-labelledby="throughput">
      <h2 id="throughput">Throughput by outcome</h2>
      <p class="soft">
        {counted(sum('completed'), 'execution')} completed, {numberText(sum('failed'))} failed,{' '}
        {counted(sum('retried'), 'attempt')} retried
      </p>
      <Chart
        title={title}
        times={timesOf(timeline)}
        step={step / 1_000}
        series={series}
        isStacked
        textOf={numberText}
      />
      <Figures title={title} times={timesOf(timeline)} series={withRetries(series, timeline)} textOf={numberText} />
    </section>
  );
});

export const StartLatency = unchanging(({ timeline, step }: Pick<OverviewView, 'timeline' | 'step'>) => {
  const series: readonly Series[] = [
    { name: 'p95', color: '--p95', values: timeline.map(({ wait }) => wait.p95) },
    { name: 'p50', color: '--p50', values: timeline.map(({ wait }) => wait.p50) },
  ];
  const title = 'Time from due to start';
  return (
    <section aria-labelledby="latency">
      <h2 id="latency">Start latency</h2>
      <p class="soft">From due to start, of all tasks together</p>
      <Chart
        title={title}
        times={timesOf(timeline)}
        step={step / 1_000}
        series={series}
        isStacked={false}
        textOf={durationText}
      />
      <Figures title={title} times={timesOf(timeline)} series={series} textOf={durationText} />
    </section>
  );
});

function timesOf(timeline: readonly TimelinePoint[]): readonly number[] {
  return timeline.map(({ at }) => Date.parse(at) / 1_000);
}

function withRetries(series: readonly Series[], timeline: readonly TimelinePoint[]): readonly Series[] {
  const counts = (name: 'added' | 'started' | 'retried'): Series => {
    return { name, color: '--soft', values: timeline.map((point) => point[name]) };
  };
  return [counts('added'), counts('started'), ...series, counts('retried')];
}
