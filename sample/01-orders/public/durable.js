// Durable tasks: buttons that add executions, figures of the queue, and the result of each press.
import { FIGURES, LABELS, RESULTS, hasEnded } from './durable-words.js';

/** Body of each press, by its path below `durable`. */
const BODIES = {
  partner: ({ parcels }) => ({ isBroken: !parcels.isBroken }),
  parcels: () => ({ count: 500 }),
  invoices: () => ({ count: 20 }),
  recommendations: () => ({ count: 4 }),
  strike: ({ recommendations }) => ({ isStruck: !recommendations.isStruck }),
  stocktake: () => ({ shelves: 20 }),
  pause: ({ isPaused }) => ({ isPaused: !isPaused }),
};

const buttons = [...document.querySelectorAll('[data-post]')];
const cards = [...document.querySelectorAll('.pattern')];
let state;

for (const button of buttons) button.addEventListener('click', () => void press(button));

async function press(button) {
  const { post } = button.dataset;
  const result = button.closest('.pattern').querySelector('.result');
  const response = await fetch(`durable/${post}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(state === undefined ? {} : BODIES[post](state)),
  }).catch(() => undefined);
  const answer = await response?.json();
  result.dataset.state = response?.ok ? 'good' : 'bad';
  if (response === undefined) say(result, 'The server does not answer. Start it with npm start.');
  else if (!response.ok) say(result, `The server refused: ${answer.message}.`);
  else {
    say(result, RESULTS[post](answer));
    showDurable(answer);
  }
}

/** Shows the figures, and says once when all executions of a pattern have ended: figures alone would be too much to hear. */
export function showDurable(next) {
  for (const card of cards) {
    const { pattern } = card.dataset;
    say(card.querySelector('.figures'), FIGURES[pattern](next));
    const isNews = state !== undefined && !hasEnded(pattern, state) && hasEnded(pattern, next);
    if (isNews) say(card.querySelector('.result'), 'All of them have ended.');
  }
  for (const button of buttons) {
    const label = LABELS[button.dataset.post]?.(next);
    if (label !== undefined) say(button, label);
  }
  state = next;
}

/** Changes a text only where it differs: a screen reader repeats what is set. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
