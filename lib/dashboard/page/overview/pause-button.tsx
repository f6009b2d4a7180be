import { useState } from 'preact/hooks';
import { useAction } from '../client/use-action.js';
import { ConfirmModal } from '../parts/confirm-modal.js';
import { TextField } from '../parts/text-field.js';

/** Pauses the queue, with a reason that all views show. */
export function PauseButton() {
  const [run, isBusy] = useAction();
  const [isOpen, setIsOpen] = useState(false);
  const [reason, setReason] = useState('');
  return (
    <>
      <button type="button" onClick={() => setIsOpen(true)}>
        Pause the queue…
      </button>
      {isOpen && (
        <ConfirmModal
          title="Pause the queue?"
          confirm="Pause the queue"
          isBusy={isBusy}
          onConfirm={() => run('pause', reason === '' ? {} : { reason })}
          onClose={() => setIsOpen(false)}
        >
          <p>No worker starts an execution until it is resumed. Runs go on, and additions are accepted.</p>
          <TextField label="Reason (optional)" value={reason} onDraft={setReason} input={{ maxLength: 1_000 }} />
        </ConfirmModal>
      )}
    </>
  );
}
