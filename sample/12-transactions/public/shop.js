// The page: sends orders, and shows every half second what the database and the queue have of them.

const LOOK = 500;
/** Answers of the server to orders that were rolled back, the newest first. */
const rolledBack = [];
let orders = [];

const message = document.querySelector('#message');
const server = document.querySelector('#server');

for (const button of document.querySelectorAll('button')) {
  button.addEventListener('click', () => void order(button.dataset));
}

async function order({ book, then }) {
  const id = crypto.randomUUID().slice(0, 8);
  const response = await fetch(then === undefined ? 'orders' : `orders?then=${then}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ id, book }),
  }).catch(() => undefined);
  const answer = await response?.json();
  if (response === undefined) tell('bad', `No answer to order ${id}: the server is gone. Watch its task.`);
  else if (response.ok) tell('good', `Order ${id} has committed.`);
  else {
    rolledBack.unshift({ id, book, ...answer });
    tell('bad', `Order ${id} was rolled back: ${answer.message}.`);
  }
  await look();
}

async function look() {
  const response = await fetch('orders').catch(() => undefined);
  server.dataset.state = response?.ok ? 'live' : 'down';
  if (!response?.ok) {
    say(server, 'The server is down. It starts again by itself.');
    return;
  }
  const answer = await response.json();
  say(server, `The server is process ${answer.pid}`);
  orders = answer.orders;
  show();
}

function show() {
  const rows = [
    ...rolledBack.map(({ id, book, order: row, task }) => [id, book, row?.status ?? 'none', task ?? 'none', 0]),
    // The queue in memory has forgotten what ended before its process began.
    ...orders.map(({ id, book, status, task, runs }) => [id, book, status, task ?? 'ended', runs]),
  ];
  if (rows.length === 0) return;
  document.querySelector('#orders').replaceChildren(...rows.map(rowOf));
}

function rowOf([id, ...cells]) {
  const row = document.createElement('tr');
  row.dataset.id = id;
  const head = document.createElement('th');
  head.scope = 'row';
  head.textContent = id;
  row.append(head);
  for (const text of cells) {
    const cell = document.createElement('td');
    cell.textContent = text;
    cell.dataset.state = text;
    row.append(cell);
  }
  return row;
}

function tell(state, text) {
  message.dataset.state = state;
  say(message, text);
}

/** Changes a text only where it differs: a screen reader repeats what is set. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

await look();
setInterval(() => void look(), LOOK);
