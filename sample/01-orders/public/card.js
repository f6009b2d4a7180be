// Card of an order: what was ordered, what became of it, its chart and its times.
import { Chart } from './chart.js';
import { fillTimes } from './times.js';
import { factsOf, price, shortId, statusOf } from './words.js';

const template = document.querySelector('#order-template');

export class Card {
  element = template.content.cloneNode(true).firstElementChild;
  #chart = new Chart(this.#find('figure'));

  constructor({ id, order: { book, quantity, total } }) {
    const name = `Order ${shortId(id)}`;
    this.element.dataset.order = shortId(id);
    this.element.setAttribute('aria-labelledby', `order-${id}`);
    this.#find('h3').id = `order-${id}`;
    this.#find('h3').textContent = name;
    this.#find('.what').textContent = `${quantity} × ${book}, ${price(total)}`;
    this.#find('figcaption').textContent = `Tasks of order ${shortId(id)}, in the time since it came`;
    this.#find('summary').textContent = 'The times as a table';
    this.#find('caption').textContent = `Times of order ${shortId(id)}, since it came`;
    this.#find('.scroll').setAttribute('aria-label', `Times of order ${shortId(id)}`);
  }

  /** Something has happened: all words, and the chart. */
  update(entry, now) {
    this.element.dataset.status = entry.order.status;
    this.#find('.status').textContent = statusOf(entry.order);
    this.#find('.facts').textContent = factsOf(entry.order);
    fillTimes(this.#find('tbody'), entry);
    this.draw(entry, now);
  }

  /** Time has passed. */
  draw(entry, now) {
    this.#chart.draw(entry, now);
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }
}
