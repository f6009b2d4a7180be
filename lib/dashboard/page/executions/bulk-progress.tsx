import { useEffect, useRef, useState } from 'preact/hooks';
import type { ExecutionDetail, ExecutionTarget } from '../../../operations/api.js';
import { fetchView } from '../client/api.js';
import { ProgressBar } from '../parts/progress-bar.js';
import { END_STATES, StateBadge } from '../parts/state-badge.js';
import { Link } from '../place/link.js';

/** Time between two looks: the event stream of the page follows the list behind the dialog. */
const LOOK_EVERY = 1_000;

interface BulkProgressProps {
  readonly target: ExecutionTarget;
  readonly onClose: () => void;
}

/** Progress of the execution that acts on all that match. */
export function BulkProgress({ target, onClose }: BulkProgressProps) {
  const work = useWork(target);
  const link = useRef<HTMLParagraphElement>(null);
  const hasEnded = work !== undefined && (END_STATES as readonly string[]).includes(work.state);
  useEffect(() => link.current?.querySelector('a')?.focus(), []);
  return (
    <>
      <p>
        {hasEnded ? 'It is done.' : 'It has begun, and goes on when this page is closed.'}{' '}
        {work !== undefined && <StateBadge state={work.state} />}
      </p>
      {work?.progress !== undefined && <ProgressBar progress={work.progress} />}
      <p class="buttons" ref={link}>
        <Link to="execution" query={{ id: target.id, key: target.key }}>
          Watch its progress
        </Link>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </p>
    </>
  );
}

function useWork({ id, key }: ExecutionTarget): ExecutionDetail | undefined {
  const [work, setWork] = useState<ExecutionDetail>();
  useEffect(() => {
    const query = new URLSearchParams({ key, ...(id !== undefined && { id }) }).toString();
    const ended = new AbortController();
    let next: number | undefined;
    const look = async (): Promise<void> => {
      try {
        const found = await fetchView('execution', query, ended.signal);
        if (ended.signal.aborted) return;
        setWork(found);
        if ((END_STATES as readonly string[]).includes(found.state)) return;
      } catch {
        // The link leads to the execution, whose view says what is wrong.
      }
      if (!ended.signal.aborted) next = window.setTimeout(() => void look(), LOOK_EVERY);
    };
    void look();
    return () => {
      ended.abort();
      window.clearTimeout(next);
    };
  }, [id, key]);
  return work;
}
