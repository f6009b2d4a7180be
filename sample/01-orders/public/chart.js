// Chart of an order: an axis that starts with the order, a row a task, a line where the response was sent.
import { duration, starts, stateOf } from './words.js';

const template = document.querySelector('#row-template');
const ICONS = { abandoned: 'cancelled', discarded: 'cancelled', lost: 'cancelled' };
const SHORTEST = 5_000;
const MOST_TICKS = 6;
const STEPS = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 3_600_000];

export class Chart {
  #rows = new Map();
  #axis;
  #list;
  #labels;
  #ticks;
  /** What the axis shows. */
  #shown;

  constructor(figure) {
    this.#axis = figure.querySelector('.axis');
    this.#list = figure.querySelector('.rows');
    this.#labels = figure.querySelector('.labels');
    this.#ticks = figure.querySelector('.ticks');
  }

  draw(entry, now) {
    const { placedAt } = entry;
    const tasks = [...entry.tasks.values()];
    const { span, step } = scaleOf(Math.max(0, ...tasks.map(({ endedAt }) => (endedAt ?? now) - placedAt)));
    const scale = { now, placedAt, percent: (time) => (100 * (time - placedAt)) / span };
    for (const task of tasks) this.#drawTask(this.#rows.get(task.name) ?? this.#add(task), task, scale);
    this.#drawAxis(entry, span, step, scale);
  }

  #add({ name, timing, shielded }) {
    const element = template.content.cloneNode(true).firstElementChild;
    const [task, when, shield] = ['.task', '.name small', '.shield'].map((part) => element.querySelector(part));
    element.dataset.task = name;
    task.textContent = name;
    when.textContent = starts(timing);
    if (!shielded) shield.remove();
    const [track, wait, run, icon, state, times] = ['.track', '.wait', '.run', '.icon use', '.state', '.end small'].map(
      (part) => element.querySelector(part),
    );
    const row = { element, track, wait, run, icon, state, times };
    this.#rows.set(name, row);
    if (timing === 'onError') this.#rows.get('payment').element.after(element);
    else this.#list.append(element);
    return row;
  }

  #drawTask({ element, wait, run, icon, state, times }, task, { now, placedAt, percent }) {
    const { scheduledAt, startedAt, endedAt } = task;
    const end = endedAt ?? now;
    place(wait, percent(scheduledAt), percent(startedAt ?? end));
    place(run, percent(startedAt ?? end), percent(end));
    element.dataset.state = task.state;
    icon.setAttribute('href', `#${ICONS[task.state] ?? task.state}`);
    say(state, stateOf(task));
    const parts = [
      startedAt && `from ${duration(startedAt - placedAt)}`,
      endedAt && `to ${duration(endedAt - placedAt)}`,
    ];
    say(times, parts.filter(Boolean).join(' '));
  }

  /** Ticks and marks stand still: they are made again only when the scale or a mark is another. */
  #drawAxis({ placedAt, respondedAt, shutdownAt }, span, step, { percent }) {
    const shown = [span, respondedAt, shutdownAt, this.#rows.size].join();
    if (shown === this.#shown) return;
    this.#shown = shown;
    const times = Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
    this.#ticks.replaceChildren(...times.map((time) => at((100 * time) / span, 'tick', tickText(time))));
    this.#list.style.setProperty('--step', `${(100 * step) / span}%`);
    const marks = [
      ['response', 'response sent', respondedAt],
      ['shutdown', 'shutdown began', shutdownAt],
    ].filter(([, , time]) => time !== undefined);
    this.#labels.replaceChildren(
      ...marks.map(([kind, text, time]) => at(percent(time), kind, `${text}, ${duration(time - placedAt)}`)),
    );
    const lanes = [...this.#rows.values()].map(({ track }) => track);
    for (const lane of [this.#axis, ...lanes]) {
      for (const mark of lane.querySelectorAll('.mark')) mark.remove();
      lane.append(...marks.map(([kind, , time]) => at(percent(time), `mark ${kind}`)));
    }
  }
}

/** A whole number of steps, so that the axis stands still for a while. */
function scaleOf(length) {
  const longest = Math.max(SHORTEST, length);
  const step = STEPS.find((candidate) => longest / candidate <= MOST_TICKS) ?? longest;
  return { step, span: Math.ceil(longest / step) * step };
}

function place(bar, from, to) {
  bar.style.left = `${from}%`;
  bar.style.width = `${Math.max(0, to - from)}%`;
}

function at(percent, className, text = '') {
  const element = document.createElement('span');
  element.className = percent > 50 ? `${className} late` : className;
  element.style.left = `${percent}%`;
  element.textContent = text;
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const tickText = (time) => (time > 0 && time % 60_000 === 0 ? `${time / 60_000} min` : `${time / 1_000} s`);
