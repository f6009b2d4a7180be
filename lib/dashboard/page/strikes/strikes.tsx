import type { StrikeView } from '../../../operations/api.js';
import { useSource } from '../client/source.js';
import { useAction, useCanWrite } from '../client/use-action.js';
import { useView } from '../client/use-view.js';
import { DataTable, Empty, type Column } from '../parts/data-table.js';
import { Moment } from '../parts/moment.js';
import { Badge } from '../parts/state-badge.js';
import { unchanging } from '../parts/unchanging.js';
import { Reading } from '../parts/reading.js';
import { place } from '../place/place.js';
import { StrikeForm } from './strike-form.js';

const COLUMNS: readonly Column[] = [
  { title: 'Condition' },
  { title: 'Mode' },
  { title: 'Reason' },
  { title: 'By' },
  { title: 'Since' },
  { title: 'Expires' },
];

/** Strikes in force, and a form for a new one. */
export function Strikes() {
  const task = useSource(place).query.get('task') ?? '';
  const canWrite = useCanWrite();
  return (
    <>
      <StrikeList />
      {canWrite && <StrikeForm key={task} task={task} />}
    </>
  );
}

function StrikeList() {
  const strikes = useView('strikes');
  const canWrite = useCanWrite();
  if (strikes === undefined) return <Reading what="the strikes" />;
  if (strikes.length === 0) {
    return (
      <Empty title="No strike is in force">
        Strikes keep executions from running: of a task, or of any task by the value of a parameter.
      </Empty>
    );
  }
  return (
    <DataTable caption="Strikes" columns={canWrite ? [...COLUMNS, { title: 'Actions', isQuiet: true }] : COLUMNS}>
      {strikes.map((strike) => (
        <StrikeRow
          key={JSON.stringify([strike.task, strike.parameter, strike.operator, strike.value])}
          strike={strike}
          canWrite={canWrite}
        />
      ))}
    </DataTable>
  );
}

interface StrikeRowProps {
  readonly strike: StrikeView;
  readonly canWrite: boolean;
}

const StrikeRow = unchanging(({ strike, canWrite }: StrikeRowProps) => {
  const [run, isBusy] = useAction();
  const { task, parameter, operator, value, text, mode, reason, by, since, expiresAt } = strike;
  const restore = (): void => {
    void run('restore', {
      task,
      ...(parameter !== undefined && { parameter }),
      ...(operator !== undefined && { operator }),
      ...(value !== undefined && { value }),
    });
  };
  return (
    <tr>
      <th scope="row" class="why">
        {text}
      </th>
      <td>
        <Badge tone={mode === 'drop' ? 'dropped' : 'parked'}>{mode}</Badge>
      </td>
      <td class="why">{reason}</td>
      <td>{by}</td>
      <td class="when">
        <Moment at={since} />
      </td>
      <td class="when">{expiresAt === undefined ? <span class="soft">never</span> : <Moment at={expiresAt} />}</td>
      {canWrite && (
        <td class="action">
          <button type="button" aria-label={`Restore: ${text}`} aria-disabled={isBusy} onClick={restore}>
            Restore
          </button>
        </td>
      )}
    </tr>
  );
});
