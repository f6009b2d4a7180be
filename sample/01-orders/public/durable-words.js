// Words of the durable tasks: figures of each pattern, results and labels of its buttons.
const number = (value) => value.toLocaleString('en');

const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? '' : 's'}`;

export const FIGURES = {
  parcels: ({ parcels: { isBroken, announced, failed, left } }) =>
    `The partner ${isBroken ? 'is broken' : 'works'}. ${number(announced)} announced, ${number(failed)} failed, ${number(left)} to do.`,
  invoices: ({ invoices: { customer, running, waiting, printed, others } }) =>
    `Customer ${customer}: ${printed} printed, ${running} running, ${waiting} waiting. Others: ${others} printed.`,
  recommendations: ({ recommendations: { isStruck, sent, held } }) =>
    `Ann is ${isStruck ? 'struck' : 'not struck'}. ${sent} sent, ${held} held.`,
  stocktake: ({ stocktake: { shelves, counted, books } }) => {
    if (shelves === 0) return 'No stock has been taken yet.';
    return `${counted} of ${shelves} shelves counted. ${books === undefined ? 'No sum yet' : plural(books, 'book')}.`;
  },
  pause: ({ isPaused, left }) =>
    `The queue ${isPaused ? 'is paused' : 'runs'}. ${plural(left, 'execution')} ${left === 1 ? 'has' : 'have'} not ended.`,
};

/** Labels of the buttons that have two. */
export const LABELS = {
  partner: ({ parcels }) => (parcels.isBroken ? 'Mend the partner' : 'Break the partner'),
  strike: ({ recommendations }) => (recommendations.isStruck ? 'Restore Ann' : 'Strike Ann'),
  pause: ({ isPaused }) => (isPaused ? 'Resume the queue' : 'Pause the queue'),
};

export const RESULTS = {
  partner: ({ parcels }) => (parcels.isBroken ? 'The partner refuses everything now.' : 'The partner works again.'),
  parcels: () => '500 parcels are added.',
  invoices: ({ invoices }) => `20 invoices of ${invoices.customer} are added, and one of each other customer.`,
  recommendations: () => 'Ann is struck, and four recommendations for each of three customers are added.',
  strike: ({ recommendations }) =>
    recommendations.isStruck ? 'Ann is struck.' : 'Ann is restored, and gets what was held.',
  stocktake: () => 'Twenty shelves are added, and the sum after them.',
  pause: ({ isPaused }) => (isPaused ? 'The queue starts nothing now.' : 'The queue goes on.'),
};

/** Number of executions of a pattern that go on by themselves. */
const GOING_ON = {
  parcels: ({ parcels }) => parcels.left,
  invoices: ({ invoices }) => invoices.left,
  recommendations: ({ recommendations: { left, held } }) => left - held,
  stocktake: ({ stocktake }) => stocktake.left,
  pause: () => 0,
};

export const hasEnded = (pattern, state) => GOING_ON[pattern](state) === 0;
