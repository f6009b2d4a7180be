import type { TrailView } from '../../../operations/api.js';
import { Badge } from '../parts/state-badge.js';
import { Clock, Moment } from '../parts/moment.js';
import { unchanging } from '../parts/unchanging.js';

/** Happenings of an execution, oldest first, with their reasons. */
export const Trail = unchanging(({ trail }: { readonly trail: readonly TrailView[] }) => (
  <ol class="trail">
    {trail.map(({ at, type, reason, worker, times }) => (
      <li key={`${at} ${type} ${reason}`}>
        <p class="trail-head">
          <Badge tone={type}>{type}</Badge> <Clock at={at} />{' '}
          <span class="soft">
            <Moment at={at} />
            {times !== undefined && `, ${times} times in a row`}
          </span>
        </p>
        <p>{reason}</p>
        {worker !== undefined && <p class="soft">worker {worker}</p>}
      </li>
    ))}
  </ol>
));
