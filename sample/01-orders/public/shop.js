// The timeline: one row a task, a bar from its start to its end, told by the server as it happens.

const form = document.querySelector('#order');
const message = document.querySelector('#message');
const connection = document.querySelector('#connection');
const timeline = document.querySelector('#timeline');

/** Rows by the name of their task. */
const rows = new Map();
const ENDED = new Set(['finished', 'failed', 'cancelled', 'discarded', 'abandoned', 'response sent']);

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { book, quantity, card } = Object.fromEntries(new FormData(form));
  const response = await fetch('orders', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ book, quantity: Number(quantity), card }),
  }).catch(() => undefined);
  const answer = await response?.json();
  if (response === undefined) message.textContent = 'The server does not answer.';
  else message.textContent = response.ok ? `Order ${answer.id} is ${answer.status}.` : answer.message;
});

function watch() {
  const source = new EventSource('timeline');
  source.addEventListener('open', () => {
    // The server tells everything that it remembers, from the start.
    rows.clear();
    timeline.replaceChildren();
    tell('live', 'Live.');
  });
  source.addEventListener('message', ({ data }) => show(JSON.parse(data)));
  source.addEventListener('error', () => {
    source.close();
    tell('stopped', summary());
    setTimeout(watch, 2_000);
  });
}

function tell(state, text) {
  connection.dataset.state = state;
  connection.textContent = text;
}

function show({ at, what, task, reason, timing, shielded }) {
  const row = rows.get(task) ?? addRow(task);
  row.name.textContent = shielded ? `${task} (shielded)` : task;
  row.timing.textContent = timing ?? '';
  row.state.textContent = reason && !['started', 'finished', 'scheduled'].includes(what) ? `${what}: ${reason}` : what;
  row.element.dataset.state = what;
  row.what = what;
  if (what === 'started') row.from = at;
  row.from ??= at;
  row.to = ENDED.has(what) ? at : undefined;
  draw();
}

function addRow(task) {
  const element = document.createElement('tr');
  const [name, timing, state, lane] = ['', '', '', 'lane'].map((className) => {
    const cell = element.insertCell();
    cell.className = className;
    return cell;
  });
  const bar = document.createElement('div');
  bar.className = 'bar';
  lane.append(bar);
  timeline.append(element);
  const row = { element, name, timing, state, bar };
  rows.set(task, row);
  return row;
}

/** All bars share one scale: from the first thing that happened to now. */
function draw() {
  const all = [...rows.values()];
  const isRunning = all.some(({ to }) => to === undefined);
  const first = Math.min(...all.map(({ from }) => from));
  const last = isRunning ? Date.now() : Math.max(...all.map(({ to }) => to));
  const percent = (time) => `${(100 * time) / Math.max(1, last - first)}%`;
  for (const { bar, from, to } of all) {
    bar.style.left = percent(from - first);
    bar.style.width = percent((to ?? last) - from);
  }
}

function summary() {
  const named = (wanted) => [...rows].filter(([, { what }]) => what === wanted).map(([task]) => task);
  const part = (what) => (named(what).length === 0 ? '' : ` ${what}: ${named(what).join(', ')}.`);
  return `The server has stopped.${part('finished')}${part('failed')}${part('cancelled')}${part('abandoned')}${part('discarded')}`;
}

setInterval(() => rows.size > 0 && connection.dataset.state === 'live' && draw(), 100);
watch();
