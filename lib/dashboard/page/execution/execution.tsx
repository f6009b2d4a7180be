import type { ComponentChildren } from 'preact';
import type { ExecutionDetail } from '../../../operations/api.js';
import { useCanWrite } from '../client/use-action.js';
import { useView } from '../client/use-view.js';
import { Empty } from '../parts/data-table.js';
import { Elapsed, exactText, Moment } from '../parts/moment.js';
import { durationText } from '../parts/duration.js';
import { ProgressBar } from '../parts/progress-bar.js';
import { StateBadge } from '../parts/state-badge.js';
import { unchanging } from '../parts/unchanging.js';
import { Reading } from '../parts/reading.js';
import { Link } from '../place/link.js';
import { ErrorText } from './error-text.js';
import { ExecutionActions } from './execution-actions.js';
import { Logs } from './logs.js';
import { Trail } from './trail.js';

/** One execution, live: why it is where it is, and what can be done about it. */
export function Execution() {
  const execution = useView('execution');
  const canWrite = useCanWrite();
  if (execution === undefined) return <Reading what="the execution" />;
  const { key, state, error, trail, logs, call } = execution;
  return (
    <>
      <p class="subject">
        <span class="key">{key}</span> <StateBadge state={state} />
      </p>
      {canWrite && <ExecutionActions id={execution.id} executionKey={key} state={state} />}
      <Facts execution={execution} />
      {call !== undefined && (
        <section aria-labelledby="call">
          <h2 id="call">Call</h2>
          <pre class="block" tabIndex={0} role="region" aria-label="Text of the call">
            {call}
          </pre>
        </section>
      )}
      {error !== undefined && (
        <section aria-labelledby="error">
          <h2 id="error">Error</h2>
          <ErrorText error={error} />
        </section>
      )}
      <section aria-labelledby="trail">
        <h2 id="trail">Trail</h2>
        {trail.length === 0 ? (
          <Empty title="Nothing has happened to it yet">
            Retries, waits, releases and hand-overs stand here, with their reasons.
          </Empty>
        ) : (
          <Trail trail={trail} />
        )}
      </section>
      <section aria-labelledby="logs">
        <h2 id="logs">Log</h2>
        <Logs logs={logs} />
      </section>
    </>
  );
}

const Facts = unchanging(({ execution }: { readonly execution: ExecutionDetail }) => {
  const { id, task, attempt, priority, when, addedAt, startedAt, endedAt, worker, reason, progress, state } = execution;
  return (
    <dl class="facts">
      {reason !== undefined && <Fact name="Why">{reason}</Fact>}
      {progress !== undefined && (
        <Fact name="Progress">
          <ProgressBar progress={progress} />
        </Fact>
      )}
      <Fact name="Task">
        <Link to="executions" query={{ task }}>
          {task}
        </Link>
      </Fact>
      <Fact name="Attempt">{attempt}</Fact>
      <Fact name="Added">
        <Moment at={addedAt} /> <span class="soft">({exactText(addedAt)})</span>
      </Fact>
      <Fact name={endedAt === undefined && startedAt === undefined ? 'Due' : 'Was due'}>
        <Moment at={when} /> <span class="soft">({exactText(when)})</span>
      </Fact>
      {startedAt !== undefined && (
        <Fact name="Started">
          <Moment at={startedAt} /> <span class="soft">({exactText(startedAt)})</span>
        </Fact>
      )}
      {endedAt !== undefined && (
        <Fact name="Ended">
          <Moment at={endedAt} /> <span class="soft">({exactText(endedAt)})</span>
        </Fact>
      )}
      {startedAt !== undefined && endedAt !== undefined && (
        <Fact name="Ran for">{durationText(Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)))}</Fact>
      )}
      {startedAt !== undefined && state === 'running' && (
        <Fact name="Runs for">
          <Elapsed since={startedAt} />
        </Fact>
      )}
      {worker !== undefined && (
        <Fact name="Worker">
          <Link to="executions" query={{ worker }}>
            {worker}
          </Link>
        </Fact>
      )}
      <Fact name="Priority">{priority}</Fact>
      <Fact name="Id">{id}</Fact>
    </dl>
  );
});

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
