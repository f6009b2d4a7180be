import type { LimitView } from '../../../operations/api.js';
import { useView } from '../client/use-view.js';
import { Empty } from '../parts/data-table.js';
import { counted, numberText } from '../parts/number.js';
import { unchanging } from '../parts/unchanging.js';
import { Reading } from '../parts/reading.js';
import { Link } from '../place/link.js';

/** Limits that somebody holds or waits for. */
export function Limits() {
  const limits = useView('limits');
  if (limits === undefined) return <Reading what="the limits" />;
  if (limits.length === 0) {
    return (
      <Empty title="No limit is in use">
        Limits of @ConcurrencyLimit() stand here while executions hold them, with those that wait.
      </Empty>
    );
  }
  return (
    <ul class="cards">
      {limits.map((limit, at) => (
        // Values that may not be shown look alike.
        <LimitCard key={JSON.stringify([limit.owner, limit.parameter, limit.value ?? at])} limit={limit} />
      ))}
    </ul>
  );
}

const LimitCard = unchanging(({ limit }: { readonly limit: LimitView }) => {
  const { owner, parameter, value, max, holders, waiters, holding, waiting } = limit;
  return (
    <li class="card">
      <h2 class="name">
        {owner}
        {parameter !== undefined && <span class="soft"> by {parameter}</span>}
        {value !== undefined && <span> = {value}</span>}
      </h2>
      <p>
        {numberText(holding)} of {numberText(max)} in use, {numberText(waiting)} waiting
      </p>
      <progress max={Math.max(max, 1)} value={holding} aria-label={`In use: ${holding} of ${max}`} />
      <Keys title="Holders" keys={holders} count={holding} />
      <Keys title="Waiters" keys={waiters} count={waiting} />
    </li>
  );
});

interface KeysProps {
  readonly title: string;
  readonly keys: readonly string[];
  readonly count: number;
}

function Keys({ title, keys, count }: KeysProps) {
  if (keys.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ul class="keys">
        {keys.map((key) => (
          <li key={key}>
            <Link to="execution" query={{ key }}>
              {key}
            </Link>
          </li>
        ))}
      </ul>
      {count > keys.length && <p class="soft">and {counted(count - keys.length, 'more execution')}</p>}
    </div>
  );
}
