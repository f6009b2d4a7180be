import { useRef, useState } from 'preact/hooks';
import type { ActionBodies, ActionName, ActionResult } from '../../../operations/api.js';
import { act, ApiFailure } from './api.js';
import { live } from './live-view.js';
import { outcome, outcomeText } from './outcome.js';
import { useSource } from './source.js';

type Run = <A extends ActionName>(action: A, body: ActionBodies[A]) => Promise<ActionResult | undefined>;

/** Returns a function that runs an action and says its outcome, and whether one is under way. */
export function useAction(): readonly [run: Run, isBusy: boolean] {
  const [isBusy, setIsBusy] = useState(false);
  // A disabled button would lose the focus, so that a second press is left out here.
  const underWay = useRef(false);
  const run: Run = async (action, body) => {
    if (underWay.current) return undefined;
    underWay.current = true;
    setIsBusy(true);
    try {
      const result = await act(action, body);
      const { execution } = result;
      outcome.set({
        isFailure: false,
        text: outcomeText(action, result),
        ...(execution !== undefined && { execution }),
      });
      return result;
    } catch (error) {
      outcome.set({ isFailure: true, text: failureText(error) });
      return undefined;
    } finally {
      underWay.current = false;
      setIsBusy(false);
    }
  };
  return [run, isBusy];
}

export function failureText(error: unknown): string {
  if (!(error instanceof ApiFailure)) return String(error);
  const { status, message } = error;
  if (status === 0) return message;
  if (status === 401) return `Not done: you are signed out. ${message}`.trim();
  return `Not done: ${message}`;
}

/** Returns whether the user may act. The server decides for each action; this only hides what it would refuse. */
export function useCanWrite(): boolean {
  return useSource(live.summary)?.access === 'write';
}
