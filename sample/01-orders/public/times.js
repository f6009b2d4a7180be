// Times of an order's tasks as a table, for everyone who reads numbers rather than bars.
import { duration, starts, stateOf } from './words.js';

export function fillTimes(body, { placedAt, respondedAt, tasks }) {
  const since = (time) => (time === undefined ? '–' : duration(time - placedAt));
  const rows = [...tasks.values()].map((task) => {
    const { name, shielded, timing, scheduledAt, startedAt, endedAt } = task;
    const took = startedAt === undefined || endedAt === undefined ? '–' : duration(endedAt - startedAt);
    const heading = `${name}${shielded ? ', shielded' : ''}: ${starts(timing)}`;
    return row([heading, since(scheduledAt), since(startedAt), since(endedAt), took, stateOf(task)]);
  });
  if (respondedAt !== undefined) rows.push(row(['response', '–', '–', since(respondedAt), '–', 'sent']));
  body.replaceChildren(...rows);
}

function row([heading, ...texts]) {
  const element = document.createElement('tr');
  const first = document.createElement('th');
  first.scope = 'row';
  first.textContent = heading;
  element.append(first);
  for (const text of texts) element.insertCell().textContent = text;
  return element;
}
