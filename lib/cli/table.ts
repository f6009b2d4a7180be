import stringWidth from 'string-width';
import { painter, type Paint, type Style } from './paint.js';
import { shownText } from './shown-text.js';

export interface Column<R> {
  readonly title: string;
  /** Text of a row. Its control characters are escaped. */
  readonly cell: (row: R) => string;
  readonly align?: 'right';
  readonly style?: (row: R) => Style | undefined;
}

export interface TableLook {
  /** Width to which lines are cut. Default: they are not. */
  readonly width?: number | undefined;
  readonly paint?: Paint;
}

const GAP = '  ';
const CUT = '…';

/**
 * Lays out a table, a line for each row below a line of titles. A line that is too long loses its end, which the last
 * column has.
 */
export function tableLines<R>(columns: readonly Column<R>[], rows: readonly R[], look: TableLook = {}): string[] {
  const { width = Infinity, paint = painter(false) } = look;
  const texts = rows.map((row) => columns.map(({ cell }) => shownText(cell(row))));
  const widths = columns.map(({ title }, at) =>
    texts.reduce((most, cells) => Math.max(most, stringWidth(cells[at]!)), stringWidth(title)),
  );
  const line = (cells: readonly string[], styleOf: (at: number) => Style | undefined): string => {
    let left = width;
    let text = '';
    for (const [at, cell] of cells.entries()) {
      const isLast = at === cells.length - 1;
      const gap = at === 0 ? '' : GAP;
      const padded =
        columns[at]!.align === 'right' ? padStart(cell, widths[at]!) : isLast ? cell : padEnd(cell, widths[at]!);
      const shown = cutText(`${gap}${padded}`, left);
      left -= stringWidth(shown);
      const style = styleOf(at);
      text += style === undefined ? shown : paint(style, shown);
    }
    return text.trimEnd();
  };
  return [
    line(
      columns.map(({ title }) => title),
      () => 'dim',
    ),
    ...rows.map((row, index) => line(texts[index]!, (at) => columns[at]!.style?.(row))),
  ];
}

/** Cuts a text to a width in columns of a terminal, with a mark at its end. */
export function cutText(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let shown = '';
  let left = width - 1;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    left -= stringWidth(segment);
    if (left < 0) break;
    shown += segment;
  }
  return width < 1 ? '' : `${shown}${CUT}`;
}

function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}

function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - stringWidth(text))) + text;
}
