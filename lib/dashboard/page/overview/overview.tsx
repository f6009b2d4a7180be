import type { OverviewRange, OverviewView } from '../../../operations/api.js';
import { useSource } from '../client/source.js';
import { useCanWrite } from '../client/use-action.js';
import { useView } from '../client/use-view.js';
import { Attention } from '../frame/attention.js';
import { Reading } from '../parts/reading.js';
import { Link } from '../place/link.js';
import { place } from '../place/place.js';
import { Counters } from './counters.js';
import { PauseButton } from './pause-button.js';
import { TaskDepths } from './task-depths.js';
import { StartLatency, Throughput } from './timeline-charts.js';

const RANGES: readonly OverviewRange[] = ['1h', '24h', '72h'];

/** Fleet at a glance: what needs a person, what waits, what happened. */
export function Overview() {
  const range = useSource(place).query.get('range') ?? '1h';
  const overview = useView('overview');
  return (
    <>
      {overview === undefined ? <Reading what="the queue" /> : <NeedsPerson overview={overview} />}
      {overview !== undefined && <Counters overview={overview} />}
      <div class="bar">
        <nav class="tabs" aria-label="Range of the charts">
          {RANGES.map((each) => (
            <Link
              key={each}
              to="overview"
              query={{ range: each === '1h' ? undefined : each }}
              current={each === range ? 'true' : undefined}
            >
              {`Last ${each.replace('h', ' h')}`}
            </Link>
          ))}
        </nav>
      </div>
      {overview !== undefined && (
        <>
          <div class="charts">
            <Throughput timeline={overview.timeline} step={overview.step} />
            <StartLatency timeline={overview.timeline} step={overview.step} />
          </div>
          <TaskDepths tasks={overview.stats.tasks} />
        </>
      )}
    </>
  );
}

function NeedsPerson({ overview }: { readonly overview: OverviewView }) {
  const canWrite = useCanWrite();
  return (
    <section aria-labelledby="needs">
      <div class="bar">
        <h2 id="needs">Needs a person</h2>
        {canWrite && !overview.stats.isPaused && <PauseButton />}
      </div>
      {overview.attention.length === 0 ? (
        <p class="calm">Nothing needs a person.</p>
      ) : (
        <Attention attention={overview.attention} />
      )}
    </section>
  );
}
