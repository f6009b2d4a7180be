import { useState } from 'preact/hooks';
import type { StateName } from '../../../operations/api.js';
import { useAction } from '../client/use-action.js';
import { ConfirmModal } from '../parts/confirm-modal.js';
import { END_STATES } from '../parts/state-badge.js';
import { TextField } from '../parts/text-field.js';

interface ExecutionActionsProps {
  readonly id: string;
  readonly executionKey: string;
  readonly state: StateName;
}

/** Actions that its state allows. */
export function ExecutionActions({ id, executionKey: key, state }: ExecutionActionsProps) {
  const [run, isBusy] = useAction();
  const [open, setOpen] = useState<'cancel' | 'forget'>();
  const [reason, setReason] = useState('');
  const close = (): void => setOpen(undefined);
  const hasEnded = (END_STATES as readonly string[]).includes(state);
  return (
    <div class="actions">
      {hasEnded && (
        <>
          <button type="button" class="primary" aria-disabled={isBusy} onClick={() => void run('retry', { id, key })}>
            Retry
          </button>
          <button type="button" class="dangerous" aria-disabled={isBusy} onClick={() => setOpen('forget')}>
            Forget…
          </button>
        </>
      )}
      {(state === 'scheduled' || state === 'retrying') && (
        <button type="button" class="primary" aria-disabled={isBusy} onClick={() => void run('run-now', { id, key })}>
          Run now
        </button>
      )}
      {!hasEnded && (
        <button type="button" class="dangerous" aria-disabled={isBusy} onClick={() => setOpen('cancel')}>
          Cancel…
        </button>
      )}
      {open === 'cancel' && (
        <ConfirmModal
          title="Cancel this execution?"
          confirm="Cancel the execution"
          isDangerous
          isBusy={isBusy}
          onConfirm={() => run('cancel', { id, key, ...(reason !== '' && { reason }) })}
          onClose={close}
        >
          <p>If it runs, its signal is aborted. Otherwise it will not run.</p>
          <TextField label="Reason (optional)" value={reason} onDraft={setReason} input={{ maxLength: 1_000 }} />
        </ConfirmModal>
      )}
      {open === 'forget' && (
        <ConfirmModal
          title="Forget this execution?"
          confirm="Forget it"
          isDangerous
          isBusy={isBusy}
          onConfirm={() => run('forget', { id, key })}
          onClose={close}
        >
          <p>Its record, error and log are removed. It cannot be undone.</p>
        </ConfirmModal>
      )}
    </div>
  );
}
