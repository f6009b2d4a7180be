// What a run came to, in words, and as the table of docs/reliability.md.

/** Findings of one rule that are written out. */
const SHOWN = 6;

export function renderReport({ broker, seed }, { findings, figures }) {
  const { settings, faults, acknowledged, refused, runs, repeats, leasesLost, recoveries, waits, deadlocks } = figures;
  const lines = [
    '',
    `# chaos on ${broker}, seed ${seed} (lease ${settings.lease} ms, retention ${settings.retention} ms)`,
    `faults: ${list(faults)}`,
    `additions: ${acknowledged} acknowledged, ${refused} refused; runs: ${runs}, further ones by cause: ${list(repeats)}`,
    `leases lost: ${leasesLost}; runs that no fault could have cost their lease: ${percent(figures.strictShare)}`,
    `recovery after kill -9: ${times(recoveries)}`,
    ...(broker === 'postgres'
      ? [`waits for locks over a second: ${waits.count} seen, longest ${waits.longest} ms; deadlocks: ${deadlocks}`]
      : []),
    '',
    ...renderFindings(findings),
  ];
  return lines.join('\n');
}

/** @param columns `[trial, verdict]` of each broker. */
export function renderTable(columns) {
  const rows = [
    ['seed', ({ seed }) => seed],
    ['faults, minutes', ({ milliseconds }) => milliseconds / 60_000],
    ['lease; retention', ({ lease, retention }) => `${lease / 1_000} s; ${retention / 1_000} s`],
    ['faults', (_, { figures }) => list(figures.faults)],
    ['additions acknowledged', (_, { figures }) => figures.acknowledged],
    ['additions lost', (_, { findings }) => count(findings, 'lost')],
    ['runs', (_, { figures }) => figures.runs],
    ['further runs, by cause', (_, { figures }) => list(figures.repeats)],
    ['runs that no fault could have cost their lease', (_, { figures }) => percent(figures.strictShare)],
    ['leases that healthy workers lost', (_, { findings }) => count(findings, 'healthy lease lost')],
    ['recovery after `kill -9`', (_, { figures }) => times(figures.recoveries)],
    ['waits for locks over a second; deadlocks', ({ broker }, verdict) => locks(broker, verdict)],
    ['findings', (_, { findings }) => list(countBy(findings))],
  ];
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...columns.map(([{ broker }]) => broker)]),
    line(['---', ...columns.map(() => '---')]),
    ...rows.map(([name, cell]) => line([name, ...columns.map((column) => cell(...column))])),
  ].join('\n');
}

function renderFindings(findings) {
  if (findings.length === 0) return ['No findings.'];
  return [
    `${findings.length} findings:`,
    ...Object.entries(countBy(findings)).flatMap(([name, number]) => {
      const shown = findings.filter(({ rule }) => rule === name).slice(0, SHOWN);
      const rest = number > SHOWN ? [`    … ${number - SHOWN} more`] : [];
      return [`  ${name}: ${number}`, ...shown.map(({ at, text }) => `    ${at.toFixed(0)} ${text}`), ...rest];
    }),
  ];
}

function locks(broker, { figures: { waits, deadlocks } }) {
  return broker === 'postgres' ? `${waits.count}; ${deadlocks}` : '';
}

function times({ count: number, p50, p95, most }) {
  return number === 0 ? 'none measured' : `${number} measured, p50 ${p50} ms, p95 ${p95} ms, longest ${most} ms`;
}

function list(counts) {
  const parts = Object.entries(counts).map(([name, number]) => `${name} ${number}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

const percent = (share) => `${(100 * share).toFixed(0)} %`;
const count = (findings, name) => findings.filter(({ rule }) => rule === name).length;

function countBy(findings) {
  const counts = {};
  for (const { rule } of findings) counts[rule] = (counts[rule] ?? 0) + 1;
  return counts;
}
