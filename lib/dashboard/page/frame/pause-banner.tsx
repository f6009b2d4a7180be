import { live } from '../client/live-view.js';
import { useSource } from '../client/source.js';
import { useAction, useCanWrite } from '../client/use-action.js';
import { Moment } from '../parts/moment.js';

/** Says on every view that nothing starts, and why. */
export function PauseBanner() {
  const pause = useSource(live.summary)?.pause;
  const canWrite = useCanWrite();
  const [run, isBusy] = useAction();
  if (pause === undefined) return null;
  return (
    <section class="notice pause" data-tone="warning" aria-label="Pause">
      <p class="notice-title">The queue is paused: no execution starts</p>
      <p>
        Since <Moment at={pause.since} />
        {pause.reason === undefined ? '.' : `: ${pause.reason}`}
      </p>
      {canWrite && (
        <button type="button" aria-disabled={isBusy} onClick={() => void run('resume', {})}>
          Resume
        </button>
      )}
    </section>
  );
}
