// The page: what the server tells changes the orders, and what has changed is drawn.
import './form.js';
import { announce } from './announcer.js';
import { Board } from './board.js';
import { showDurable } from './durable.js';
import { Orders } from './orders.js';
import { showShutdown, showStop, showUnfinished } from './shutdown.js';
import { listen } from './stream.js';
import { duration, shortId, stateOf } from './words.js';

const connection = document.querySelector('#connection');
const orders = new Orders();

/** Process that the page has last heard of, by the time of its start. */
let process;
/** From the clock of this browser to that of the server, in milliseconds. */
let clockAhead = 0;
/** When the server was last heard. Time stands still on the page after it. */
let lostAt;
/** Events before this moment have happened before the page was opened: nobody needs to hear of them now. */
let newSince = 0;

const now = () => lostAt ?? Date.now() + clockAhead;
const board = new Board(orders, now);

const HEARERS = {
  server({ at, startedAt }) {
    clockAhead = at - Date.now();
    newSince = at;
    if (process !== startedAt) orders.lose(lostAt ?? at).forEach(update);
    process = startedAt;
    lostAt = undefined;
    show('live', 'Live');
  },
  order(event) {
    const before = orders.find(event.order.id)?.order.status;
    update(orders.change(event));
    if (event.order.status === 'refunded' && before !== 'refunded')
      tell(event, `Order ${shortId(event.order.id)} is refunded.`);
  },
  response(event) {
    const entry = orders.respond(event);
    update(entry);
    if (entry) tell(event, `Order ${shortId(entry.id)}: response sent after ${duration(event.at - entry.placedAt)}.`);
  },
  task(event) {
    const entry = orders.step(event);
    update(entry);
    const task = entry?.tasks.get(event.task);
    if (task?.endedAt !== undefined) tell(event, `${task.name} of order ${shortId(entry.id)} ${stateOf(task)}.`);
  },
  durable: showDurable,
  shutdown(event) {
    orders.shutDown(event).forEach(update);
    showShutdown(event);
    show('stopping', 'Shutting down');
  },
  unfinished: showUnfinished,
  stopped(event) {
    showStop(event);
    show('stopped', 'Stopped');
  },
  lost() {
    lostAt ??= now();
    show('stopped', 'Stopped: npm start brings it back');
  },
};

function update(entry) {
  if (entry !== undefined) board.update(entry);
}

function tell({ at }, sentence) {
  if (at >= newSince) announce(sentence);
}

function show(state, text) {
  if (connection.textContent === text) return;
  connection.dataset.state = state;
  connection.textContent = text;
}

listen((type, data) => HEARERS[type](data));
