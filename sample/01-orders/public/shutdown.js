// Report of the last shutdown: what the server waits for, then what finished and what was cancelled, by name.
import { clock, duration } from './words.js';

const section = document.querySelector('#shutdown');
const title = document.querySelector('#shutdown-title');
const line = document.querySelector('#shutdown-text');
const list = document.querySelector('#shutdown-ends');
const durable = document.querySelector('#shutdown-durable');

const HEADINGS = { finished: 'Finished', failed: 'Failed', cancelled: 'Cancelled' };

let beganAt;
/** Number of durable tasks that the shutdown has found in the memory of the queue. */
let unfinished = 0;

export function showShutdown({ at, waitsFor }) {
  beganAt = at;
  section.hidden = false;
  title.textContent = 'The server is shutting down';
  line.textContent =
    waitsFor.length === 0
      ? 'No shielded task runs: nothing holds the shutdown up.'
      : `It waits for ${waitsFor.join(' and ')}, because a shield protects ${waitsFor.length === 1 ? 'it' : 'them'}.`;
  list.replaceChildren();
}

/** Shown with the stop that follows. */
export function showUnfinished({ count }) {
  unfinished = count;
}

/** Stays on the page until the next shutdown, also when the server has started again. */
export function showStop({ at, report }) {
  section.hidden = false;
  title.textContent = `The server stopped at ${clock(at)}`;
  const ends = Object.entries(report).filter(([, names]) => names.length > 0);
  line.textContent =
    ends.length === 0
      ? 'No task of an order was running.'
      : `The shutdown took ${duration(at - beganAt)}. Its tasks ended as follows, and the terminal says the same.`;
  durable.hidden = unfinished === 0;
  durable.textContent = `${unfinished} durable ${unfinished === 1 ? 'task has' : 'tasks have'} not ended. The queue is in memory: they are lost with the server.`;
  unfinished = 0;
  list.replaceChildren(...ends.flatMap(([end, names]) => [term(end), ...names.map(name)]));
}

function term(end) {
  const element = document.createElement('dt');
  element.dataset.state = end;
  element.textContent = HEADINGS[end];
  return element;
}

function name(text) {
  const element = document.createElement('dd');
  element.textContent = text;
  return element;
}
