import type { ComponentChildren } from 'preact';

export interface Column {
  readonly title: string;
  /** Figures stand at the right. */
  readonly isFigure?: boolean;
  /** Title for screen readers alone. */
  readonly isQuiet?: boolean;
  readonly sort?: { readonly direction: 'ascending' | 'descending' | undefined; readonly link: ComponentChildren };
}

interface DataTableProps {
  readonly caption: string;
  readonly columns: readonly Column[];
  /** Rows of the body, each with a key. */
  readonly children: ComponentChildren;
}

/** Table in a region of its own, which alone scrolls sideways, and can be focused for it. */
export function DataTable({ caption, columns, children }: DataTableProps) {
  return (
    <div class="scroller" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isFigure, isQuiet, sort }) => (
              <th key={title} scope="col" class={isFigure ? 'figure' : undefined} aria-sort={sort?.direction}>
                {sort?.link ?? (isQuiet ? <span class="unseen">{title}</span> : title)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** Words where a list has nothing: what would be here, and how it comes to be. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <p>{children}</p>}
    </div>
  );
}
