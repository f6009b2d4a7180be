import type { ComponentChildren } from 'preact';
import type { Connection } from '../client/connection.js';
import { live } from '../client/live-view.js';
import { useSource } from '../client/source.js';
import { clockText } from '../parts/moment.js';
import { Link } from '../place/link.js';
import { place } from '../place/place.js';

/** Region that says what is wrong with the connection, the broker or the version; empty while all is well. */
export function ConnectionNotice() {
  const connection = useSource(live.connection);
  const outage = useSource(live.outage);
  const newVersion = useSource(live.newVersion);
  return (
    <div role="status" class="notices">
      <ConnectionState connection={connection} />
      {outage !== undefined && connection.state === 'live' && (
        <Notice tone="error" title="The broker cannot be reached">
          <p>{outage}</p>
          <p>What is below is as of the last answer. It goes on by itself.</p>
        </Notice>
      )}
      {newVersion !== undefined && (
        <Notice tone="information" title={`Version ${newVersion} is running now`}>
          <ReloadButton>{`Reload: version ${newVersion} is running now`}</ReloadButton>
        </Notice>
      )}
    </div>
  );
}

function ConnectionState({ connection }: { readonly connection: Connection }) {
  switch (connection.state) {
    case 'closing':
      return (
        <Notice tone="warning" title="The server is shutting down, reconnecting">
          <p>What is below is as of {clockText(connection.since)}.</p>
        </Notice>
      );
    case 'lost':
      return (
        <Notice tone="warning" title="Connection lost, reconnecting">
          {connection.message !== undefined && <p>{connection.message}</p>}
          <p>What is below is as of {clockText(connection.since)}.</p>
        </Notice>
      );
    case 'stopped':
      return <Stopped why={connection.why} message={connection.message} />;
    default:
      return null;
  }
}

function Stopped({ why, message }: Pick<Connection & { state: 'stopped' }, 'why' | 'message'>) {
  const said = message === '' ? null : <p>{message}</p>;
  switch (why) {
    case 'signed-out':
      return (
        <Notice tone="error" title="Signed out">
          {said}
          <p>Sign in to the application, then reload this page.</p>
          <ReloadButton>Reload</ReloadButton>
        </Notice>
      );
    case 'no-access':
      return (
        <Notice tone="error" title="No access">
          {said}
          <p>Ask for the right to see the tasks of this application, then reload this page.</p>
          <ReloadButton>Reload</ReloadButton>
        </Notice>
      );
    case 'gone':
      return (
        <Notice tone="warning" title="This execution is not known">
          <p>It was forgotten, its retention is over, or it never was.</p>
          <p>
            <Link to="executions">Show the executions</Link>
          </p>
        </Notice>
      );
    default:
      return (
        <Notice tone="error" title="The query was refused">
          {said}
          <p>
            <Link to={place.value.view}>Show all</Link>
          </p>
        </Notice>
      );
  }
}

interface NoticeProps {
  readonly tone: 'error' | 'warning' | 'information';
  readonly title: string;
  readonly children?: ComponentChildren;
}

export function Notice({ tone, title, children }: NoticeProps) {
  return (
    <div class="notice" data-tone={tone}>
      <p class="notice-title">{title}</p>
      {children}
    </div>
  );
}

function ReloadButton({ children }: { readonly children: string }) {
  return (
    <button type="button" onClick={() => location.reload()}>
      {children}
    </button>
  );
}
