import type { ComponentChildren } from 'preact';
import type { OverviewView, StateName } from '../../../operations/api.js';
import { durationText } from '../parts/duration.js';
import { numberText } from '../parts/number.js';
import { Link } from '../place/link.js';

/** Depth of the queue now, each figure a link to its executions. */
export function Counters({ overview }: { readonly overview: OverviewView }) {
  const { stats, workers } = overview;
  const { total, outbox } = stats;
  return (
    <section aria-labelledby="depth">
      <h2 id="depth">In the queue</h2>
      <dl class="counters">
        <StateCounter name="waiting" state="queued" count={total.waiting} />
        <StateCounter name="running" state="running" count={total.running} />
        <StateCounter name="retrying" state="retrying" count={total.retrying} />
        <StateCounter name="parked" state="parked" count={total.parked} />
        <StateCounter name="scheduled" state="scheduled" count={total.scheduled} />
        <Counter name="oldest wait">{total.oldestWait === undefined ? 'none' : durationText(total.oldestWait)}</Counter>
        <Counter name="workers">
          <Link to="workers" label={`${numberText(workers)} workers`}>
            {numberText(workers)}
          </Link>
        </Counter>
        {outbox !== undefined && (
          <Counter name="in the outbox">
            {numberText(outbox.waiting)}
            {outbox.oldestWait !== undefined && <span class="soft"> for {durationText(outbox.oldestWait)}</span>}
          </Counter>
        )}
      </dl>
    </section>
  );
}

interface StateCounterProps {
  readonly name: string;
  readonly state: StateName;
  readonly count: number;
}

function StateCounter({ name, state, count }: StateCounterProps) {
  return (
    <Counter name={name}>
      <Link to="executions" query={{ state }} label={`${numberText(count)} ${name}`}>
        {numberText(count)}
      </Link>
    </Counter>
  );
}

function Counter({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
