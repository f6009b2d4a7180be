import { outcome } from '../client/outcome.js';
import { useSource } from '../client/source.js';
import { Link } from '../place/link.js';

/** Live region with the outcome of the last action. It is there before the first one, or no screen reader would say it. */
export function OutcomeRegion() {
  const current = useSource(outcome);
  return (
    <div role="status" class="outcome-region">
      {current !== undefined && (
        <div class="outcome" data-tone={current.isFailure ? 'error' : 'done'}>
          <p>
            {current.text}
            {current.execution !== undefined && (
              <>
                {' '}
                <Link to="execution" query={{ id: current.execution.id, key: current.execution.key }}>
                  Watch its progress
                </Link>
              </>
            )}
          </p>
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => outcome.set(undefined)}>
            <span aria-hidden="true">×</span>
          </button>
        </div>
      )}
    </div>
  );
}
