import { useState } from 'preact/hooks';
import type { ExecutionFilter } from '../../../operations/api.js';
import { useAction } from '../client/use-action.js';
import { ConfirmModal } from '../parts/confirm-modal.js';
import { BulkModal } from './bulk-modal.js';
import { isForBulk } from './execution-filter.js';

/** Actions on all that match, which the server does, also beyond what is shown. */
export function BulkActions({ filter }: { readonly filter: ExecutionFilter }) {
  const [open, setOpen] = useState<'retry-all' | 'forget-all' | 'clear'>();
  const [run, isBusy] = useAction();
  const close = (): void => setOpen(undefined);
  const isPossible = isForBulk(filter);
  return (
    <div class="actions">
      <button type="button" disabled={!isPossible} onClick={() => setOpen('retry-all')}>
        Retry all that match…
      </button>
      <button type="button" disabled={!isPossible} onClick={() => setOpen('forget-all')}>
        Forget all that match…
      </button>
      <button type="button" class="dangerous" onClick={() => setOpen('clear')}>
        Clear the queue…
      </button>
      {!isPossible && (
        <p class="hint">To act on all that match, filter by ended states alone, such as failed, and by no worker.</p>
      )}
      {open === 'clear' && (
        <ConfirmModal
          title="Clear the queue?"
          confirm="Clear the queue"
          isDangerous
          isBusy={isBusy}
          onConfirm={() => run('clear', {})}
          onClose={close}
        >
          <p>It cancels every execution that waits, of every task. Runs go on. It cannot be undone.</p>
        </ConfirmModal>
      )}
      {(open === 'retry-all' || open === 'forget-all') && <BulkModal action={open} filter={filter} onClose={close} />}
    </div>
  );
}
