import { useEffect, useRef, useState } from 'preact/hooks';
import { LANGUAGE } from './language.js';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { colorOf, useScheme } from './colors.js';
import { stacked } from './stacked.js';

export interface Series {
  readonly name: string;
  /** Custom property of its colour. */
  readonly color: string;
  readonly values: readonly (number | undefined)[];
}

interface ChartProps {
  readonly title: string;
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  /** Length of a step in seconds. */
  readonly step: number;
  readonly series: readonly Series[];
  /** Bars of outcomes stand on one another; lines of percentiles do not. */
  readonly isStacked: boolean;
  readonly textOf: (value: number) => string;
}

const HEIGHT = 220;

/** Drawing of series over time. It is pixels, so a table of the same figures has to stand beside it. */
export function Chart({ title, times, step, series, isStacked, textOf }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const [at, setAt] = useState<number | null>(null);
  const scheme = useScheme();
  const values = isStacked ? stacked(series) : series.map((each) => each.values.map((value) => value ?? null));
  const data = [[...times], ...values] as uPlot.AlignedData;
  const shape = `${scheme} ${step} ${series.map(({ name }) => name).join()} ${times.length}`;

  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const options = optionsOf(series, isStacked, textOf, step, ({ cursor }) => setAt(cursor.idx ?? null));
    const drawn = new uPlot({ ...options, width: Math.max(element.clientWidth, 120) }, data, element);
    plot.current = drawn;
    const observer = new ResizeObserver(() => {
      const width = Math.max(element.clientWidth, 120);
      if (width !== drawn.width) drawn.setSize({ width, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      drawn.destroy();
      plot.current = undefined;
    };
  }, [shape, isStacked]);
  const text = JSON.stringify(data);
  useEffect(() => plot.current?.setData(data), [text]);

  return (
    <div class="chart">
      <ul class="legend">
        {series.map(({ name, color, values: figures }) => (
          <li key={name}>
            <span class="swatch" data-color={color} aria-hidden="true" />
            {name}
            <span class="legend-value" aria-hidden="true">
              {at === null ? '' : valueText(figures[at], textOf)}
            </span>
          </li>
        ))}
        <li class="soft" aria-hidden="true">
          {at === null || times[at] === undefined ? '' : STEP_TIME.format(times[at] * 1_000)}
        </li>
      </ul>
      <div ref={host} class="plot" role="img" aria-label={`${title}, drawn. The figures are in the table below it.`} />
    </div>
  );
}

const STEP_TIME = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'short' });

const TICK_TIME = new Intl.DateTimeFormat(LANGUAGE, { hour: 'numeric', minute: '2-digit' });
const TICK_DAY = new Intl.DateTimeFormat(LANGUAGE, { month: 'short', day: 'numeric' });

/** Time of a tick, with its day below where it is the first of the day. */
function tickText(split: number, before: number | undefined): string {
  const day = TICK_DAY.format(split * 1_000);
  const isFirst = before === undefined || TICK_DAY.format(before * 1_000) !== day;
  return TICK_TIME.format(split * 1_000) + (isFirst ? `\n${day}` : '');
}

export function valueText(value: number | undefined, textOf: (value: number) => string): string {
  return value === undefined ? '–' : textOf(value);
}

function optionsOf(
  series: readonly Series[],
  isStacked: boolean,
  textOf: (value: number) => string,
  step: number,
  onMove: (plot: uPlot) => void,
): Omit<uPlot.Options, 'width'> {
  const bars = uPlot.paths.bars?.({ size: [0.8, 24], align: 1 });
  const axis: uPlot.Axis = {
    stroke: colorOf('--soft'),
    grid: { stroke: colorOf('--grid'), width: 1 },
    ticks: { stroke: colorOf('--grid'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  return {
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false, points: { show: !isStacked } },
    hooks: { setCursor: [onMove] },
    // The last step ends after its time.
    scales: {
      x: { range: (_, min, max) => [min, max + step] },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.05 : 1] },
    },
    axes: [
      { ...axis, values: (_, splits) => splits.map((split, at) => tickText(split, splits[at - 1])) },
      {
        ...axis,
        size: 64,
        values: (_, splits) => splits.map((split) => (isStacked && split % 1 !== 0 ? '' : textOf(split))),
      },
    ],
    series: [
      {},
      ...series.map(({ name, color }): uPlot.Series => {
        const stroke = colorOf(color);
        if (!isStacked)
          return { label: name, stroke, width: 2, spanGaps: false, points: { show: true, size: 5, filter: loneSteps } };
        return {
          label: name,
          fill: stroke,
          width: 0,
          ...(bars !== undefined && { paths: bars }),
          points: { show: false },
        };
      }),
    ],
  };
}

/** Returns the steps that have none beside them, between which no line can be drawn. */
function loneSteps({ data }: uPlot, at: number): number[] {
  const values = data[at] ?? [];
  return [...values.keys()].filter((each) => {
    return values[each] != null && values[each - 1] == null && values[each + 1] == null;
  });
}
