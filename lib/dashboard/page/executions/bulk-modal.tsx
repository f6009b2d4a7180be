import type { TargetedSubmitEvent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ExecutionFilter, ExecutionTarget } from '../../../operations/api.js';
import { fetchCount } from '../client/api.js';
import { outcome } from '../client/outcome.js';
import { failureText, useAction } from '../client/use-action.js';
import { Modal } from '../parts/modal.js';
import { counted } from '../parts/number.js';
import { TextField } from '../parts/text-field.js';
import { BulkProgress } from './bulk-progress.js';
import { filterText, queryOfFilter } from './execution-filter.js';

const WORDS = {
  'retry-all': { verb: 'Retry', title: 'Retry all that match?', effect: 'Each runs again under its key.' },
  'forget-all': {
    verb: 'Forget',
    title: 'Forget all that match?',
    effect: 'Their records are removed. It cannot be undone.',
  },
} as const;

interface BulkModalProps {
  readonly action: 'retry-all' | 'forget-all';
  readonly filter: ExecutionFilter;
  readonly onClose: () => void;
}

/** Asks with the number that matches, then shows the progress of the execution that does it. */
export function BulkModal({ action, filter, onClose }: BulkModalProps) {
  const [run, isBusy] = useAction();
  const [rate, setRate] = useState('');
  const [work, setWork] = useState<ExecutionTarget>();
  const [problem, setProblem] = useState<string>();
  const count = useCount(filter);
  const { verb, title, effect } = WORDS[action];
  return (
    <Modal title={title} onClose={onClose}>
      {(close) => {
        const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
          event.preventDefault();
          const result =
            action === 'forget-all'
              ? await run('forget-all', filter)
              : await run('retry-all', { ...filter, ...(rate !== '' && { perSecond: Number(rate) }) });
          if (result === undefined) setProblem(outcome.value?.text);
          else if (result.execution === undefined) close();
          else setWork(result.execution);
        };
        if (work !== undefined) return <BulkProgress target={work} onClose={close} />;
        return (
          <form onSubmit={(event) => void submit(event)}>
            <p role="status">
              {typeof count === 'number' ? (
                <strong>{counted(count, 'execution')} match.</strong>
              ) : (
                (count ?? 'Counting …')
              )}
            </p>
            <p>Filter: {filterText(filter)}.</p>
            <p>{effect} The server does it, also when this page is closed.</p>
            {action === 'retry-all' && (
              <TextField
                label="At most per second (optional)"
                hint="A whole number from 1 to 10,000. Without it: as fast as it goes."
                value={rate}
                onDraft={setRate}
                input={{ type: 'number', min: 1, max: 10_000, step: 1, inputMode: 'numeric' }}
              />
            )}
            <p role="status">{problem}</p>
            <p class="buttons">
              <button
                type="submit"
                class={action === 'forget-all' ? 'dangerous' : 'primary'}
                aria-disabled={isBusy}
                disabled={count === 0}
              >
                {typeof count === 'number' ? `${verb} ${counted(count, 'execution')}` : `${verb} all that match`}
              </button>
              <button type="button" onClick={close}>
                Close
              </button>
            </p>
          </form>
        );
      }}
    </Modal>
  );
}

/** Number that a filter matches when the dialog opens; a text where it cannot be told. */
function useCount(filter: ExecutionFilter): number | string | undefined {
  const [count, setCount] = useState<number | string>();
  useEffect(() => {
    const query = new URLSearchParams(queryOfFilter(filter) as Record<string, string>);
    fetchCount(query.toString()).then(setCount, (error: unknown) =>
      setCount(`The number is not known: ${failureText(error)}`),
    );
  }, []);
  return count;
}
