import { useRef, useState } from 'preact/hooks';
import type { ExecutionPage, ExecutionSummary } from '../../../operations/api.js';
import { fetchView } from '../client/api.js';
import { failureText } from '../client/use-action.js';

/** Pages after the live one, as they were when they were read. */
export interface LaterPages {
  readonly executions: readonly ExecutionSummary[];
  readonly readAt: Date;
  readonly cursor?: string;
}

export interface Reading {
  readonly pages: LaterPages | undefined;
  readonly isBusy: boolean;
  readonly problem: string | undefined;
  /** Reads the page after the last one. */
  readonly more: (first: ExecutionPage) => Promise<void>;
  /** Leaves the live page alone. */
  readonly drop: () => void;
}

/** Holds what was read beyond the live page of a query. Another query begins again. */
export function useLaterPages(query: string): Reading {
  const [pages, setPages] = useState<LaterPages>();
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const current = useRef(query);
  if (current.current !== query) {
    current.current = query;
    setPages(undefined);
    setProblem(undefined);
  }
  const more = async (first: ExecutionPage): Promise<void> => {
    const cursor = pages === undefined ? first.cursor : pages.cursor;
    if (cursor === undefined || isBusy) return;
    setIsBusy(true);
    try {
      const asked = new URLSearchParams(query);
      asked.set('cursor', cursor);
      const page = await fetchView('executions', asked.toString());
      if (current.current !== query) return;
      setProblem(undefined);
      setPages((before) => ({
        executions: [...(before?.executions ?? []), ...page.executions],
        readAt: before?.readAt ?? new Date(),
        ...(page.cursor !== undefined && { cursor: page.cursor }),
      }));
    } catch (error) {
      setProblem(failureText(error));
    } finally {
      setIsBusy(false);
    }
  };
  return { pages, isBusy, problem, more, drop: () => setPages(undefined) };
}
