import { DataTable } from '../parts/data-table.js';
import { unchanging } from '../parts/unchanging.js';
import { valueText, type Series } from './chart.js';

interface FiguresProps {
  readonly title: string;
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly textOf: (value: number) => string;
}

const TIME = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });

/** Figures of a chart as a table, the newest first. */
export function Figures({ title, times, series, textOf }: FiguresProps) {
  const columns = [{ title: 'Time' }, ...series.map(({ name }) => ({ title: name, isFigure: true }))];
  return (
    <details class="figures">
      <summary>{title}: the figures</summary>
      <DataTable caption={title} columns={columns}>
        {times
          .map((time, at) => (
            <FiguresRow key={time} time={time} values={series.map(({ values }) => valueText(values[at], textOf))} />
          ))
          .toReversed()}
      </DataTable>
    </details>
  );
}

const FiguresRow = unchanging(({ time, values }: { readonly time: number; readonly values: readonly string[] }) => (
  <tr>
    <th scope="row" class="when">
      {TIME.format(time * 1_000)}
    </th>
    {values.map((value, at) => (
      <td key={at} class="figure">
        {value}
      </td>
    ))}
  </tr>
));
