import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/**
 * Moves the focus to the heading when the control that has it goes away, as the button of an action does when the action
 * is done. The browser would begin at the top of the page again.
 */
export function useKeptFocus(main: RefObject<HTMLElement | null>, heading: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = main.current;
    if (element === null) return undefined;
    let focused: Element | null = null;
    const remember = ({ target }: FocusEvent): void => {
      focused = target as Element;
    };
    // A press beside all controls takes the focus away as well, and the user means it.
    const forget = (): void => {
      focused = null;
    };
    const observer = new MutationObserver(() => {
      if (focused === null || focused.isConnected) return;
      focused = null;
      if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
    });
    element.addEventListener('focusin', remember);
    document.addEventListener('pointerdown', forget, true);
    observer.observe(element, { childList: true, subtree: true });
    return () => {
      element.removeEventListener('focusin', remember);
      document.removeEventListener('pointerdown', forget, true);
      observer.disconnect();
    };
  }, [main, heading]);
}
