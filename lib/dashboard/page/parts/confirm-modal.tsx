import type { ComponentChildren, TargetedSubmitEvent } from 'preact';
import { Modal } from './modal.js';

interface ConfirmModalProps {
  readonly title: string;
  /** Text of the button that does it. */
  readonly confirm: string;
  readonly isDangerous?: boolean;
  readonly isBusy: boolean;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Question before what cannot be taken back, with fields that it may need. */
export function ConfirmModal({ title, confirm, isDangerous, isBusy, onConfirm, onClose, children }: ConfirmModalProps) {
  return (
    <Modal title={title} onClose={onClose}>
      {(close) => {
        const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
          event.preventDefault();
          // The outcome is said by a region behind the dialog, which is inert while the dialog is open.
          close();
          void onConfirm();
        };
        return (
          <form onSubmit={submit}>
            {children}
            <p class="buttons">
              <button type="submit" class={isDangerous ? 'dangerous' : 'primary'} aria-disabled={isBusy}>
                {confirm}
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
