import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface ModalProps {
  readonly title: string;
  /** Called when it is closed in any way: Escape, its buttons. */
  readonly onClose: () => void;
  readonly children: ComponentChildren | ((close: () => void) => ComponentChildren);
}

/** Dialog of the browser: it keeps the focus inside, and gives it back to the control that opened it. */
export function Modal({ title, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  // Taken away only when closed: a dialog that vanishes open gives the focus to nobody.
  const close = (): void => dialog.current?.close();
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onClose={onClose}>
      <h2 id={titleId}>{title}</h2>
      {typeof children === 'function' ? children(close) : children}
    </dialog>
  );
}
