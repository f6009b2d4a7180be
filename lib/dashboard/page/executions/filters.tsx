import { useState } from 'preact/hooks';
import { fetchView } from '../client/api.js';
import { TextField } from '../parts/text-field.js';
import { END_STATES, LIVE_STATES } from '../parts/state-badge.js';
import { Link } from '../place/link.js';
import { changeFilter, filterOf, statesOf, TEXT_FILTERS } from './execution-filter.js';

const FIELDS: Readonly<Record<(typeof TEXT_FILTERS)[number], { readonly label: string; readonly sample: string }>> = {
  task: { label: 'Task', sample: 'orders.process' },
  keyPrefix: { label: 'Key begins with', sample: 'order-' },
  error: { label: 'Error has', sample: 'ECONNREFUSED' },
  kind: { label: 'Kind of error', sample: 'Error: no order …' },
  worker: { label: 'Worker', sample: 'its id' },
  since: { label: 'Ended since', sample: '1h' },
  until: { label: 'Ended until', sample: '10m' },
};

/** Filters that all must hold. Each stands in the address. */
export function Filters({ query }: { readonly query: URLSearchParams }) {
  const [tasks, setTasks] = useState<readonly string[]>();
  const filter = filterOf(query);
  const states = statesOf(query);
  const suggest = async (): Promise<void> => {
    if (tasks !== undefined) return;
    setTasks([]);
    try {
      setTasks((await fetchView('tasks', '')).map(({ name }) => name));
    } catch {
      // Only the suggestions are missing; a name can be typed.
    }
  };
  return (
    <search class="filters" aria-label="Filters of the executions">
      <fieldset class="chips">
        <legend>State</legend>
        {[...LIVE_STATES, ...END_STATES].map((state) => (
          <label key={state} class="chip">
            <input
              type="checkbox"
              checked={states.includes(state)}
              onChange={({ currentTarget }) => {
                const others = states.filter((each) => each !== state);
                const next = currentTarget.checked ? [...others, state] : others;
                changeFilter(query, { state: next.join(',') });
              }}
            />
            {state}
          </label>
        ))}
      </fieldset>
      <div class="fields">
        {TEXT_FILTERS.map((name) => (
          <TextField
            key={name}
            label={FIELDS[name].label}
            value={query.get(name) ?? ''}
            onCommit={(value) => changeFilter(query, { [name]: value })}
            input={{
              placeholder: FIELDS[name].sample,
              ...(name === 'task' && { list: 'task-names', onFocus: () => void suggest() }),
            }}
          />
        ))}
        <datalist id="task-names">
          {tasks?.map((task) => (
            <option key={task} value={task} />
          ))}
        </datalist>
        {Object.keys(filter).length > 0 && <Link to="executions">Show all</Link>}
      </div>
    </search>
  );
}
