import { Link } from '../place/link.js';

/** Switch between the single executions and the groups of failures. */
export function ExecutionTabs({ current }: { readonly current: 'executions' | 'failures' }) {
  return (
    <nav class="tabs" aria-label="Executions and their failures">
      <Link to="executions" current={current === 'executions' ? 'page' : undefined}>
        All executions
      </Link>
      <Link to="failures" current={current === 'failures' ? 'page' : undefined}>
        Failures by kind
      </Link>
    </nav>
  );
}
