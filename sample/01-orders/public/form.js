// Form of an order: sends it, and tells what the shop has answered.
import { shortId } from './words.js';

const form = document.querySelector('#order-form');
const message = document.querySelector('#message');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { book, quantity, card } = Object.fromEntries(new FormData(form));
  const response = await fetch('orders', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ book, quantity: Number(quantity), card }),
  }).catch(() => undefined);
  const answer = await response?.json();
  message.dataset.state = response?.ok ? 'good' : 'bad';
  if (response === undefined) message.textContent = 'The server does not answer. Start it with npm start.';
  else if (!response.ok) message.textContent = `The order was refused: ${answer.message}.`;
  else {
    message.textContent = `Order ${shortId(answer.id)} is accepted and arrives in ${answer.arrivesInDays} days.`;
  }
});
