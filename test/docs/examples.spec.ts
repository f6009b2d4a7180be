import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';

const { load } = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };

const PAGE = readFileSync('docs/operations.md', 'utf8');
const RULES = readFileSync('docs/examples/prometheus-rules.yaml', 'utf8');
const SCALER = readFileSync('docs/examples/keda-scaled-object.yaml', 'utf8');
const SOURCE = readFileSync('lib/telemetry/queue-metrics.ts', 'utf8');

interface RuleFile {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly for: string;
      readonly labels: Record<string, string>;
      readonly annotations: Record<string, string>;
    }[];
  }[];
}

/** Names of the metrics as Prometheus has them of OTLP. */
const METRICS = [...SOURCE.matchAll(/create(\w+)\('([\w.]+)', \{\s*unit: '([^']+)'/g)].flatMap(
  ([, kind, name = '', unit]) => {
    const base = name.replaceAll('.', '_') + (unit === 's' ? '_seconds' : '');
    return kind === 'Histogram' ? [`${base}_bucket`, `${base}_count`, `${base}_sum`] : [base];
  },
);

describe('docs/examples', () => {
  it.each([
    ['prometheus-rules.yaml', RULES],
    ['keda-scaled-object.yaml', SCALER],
  ])('%s stands in docs/operations.md as it is', (_name, text) => {
    expect(PAGE).toContain(`\`\`\`yaml\n${text}\`\`\`\n`);
  });

  it('has rules for Prometheus with all that an alert needs', () => {
    const { groups } = load(RULES) as RuleFile;
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(3);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const rule of rules) {
      expect(rule).toMatchObject({
        alert: expect.stringMatching(/^TasksQueue[A-Z]\w+$/),
        for: expect.stringMatching(/^\d+m$/),
        labels: { severity: expect.stringMatching(/^(page|ticket)$/) },
        annotations: { summary: expect.any(String), description: expect.any(String) },
      });
      expect(rule.expr.split('(').length).toBe(rule.expr.split(')').length);
    }
  });

  it('asks for metrics, states and outcomes that there are', () => {
    const { groups } = load(RULES) as RuleFile;
    const text = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)).join('\n');
    expect(METRICS).toHaveLength(10);
    const asked = [...text.matchAll(/\btasks_(?:queue|outbox)_\w+/g)].map(([name]) => name);
    expect(asked.length).toBeGreaterThan(4);
    for (const name of asked) expect(METRICS).toContain(name);
    const labels = [...text.matchAll(/(task_\w+)(?:!=|=)"(\w+)"/g)].map(([, label, value]) => `${label} ${value}`);
    expect(new Set(labels)).toEqual(new Set(['task_outcome failed', 'task_outcome retried', 'task_state retrying']));
  });

  it('has a scaler for KEDA with all that metrics-api needs', () => {
    expect(load(SCALER)).toMatchObject({
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'ScaledObject',
      metadata: { name: expect.any(String) },
      spec: {
        scaleTargetRef: { name: expect.any(String) },
        maxReplicaCount: expect.any(Number),
        triggers: [
          {
            type: 'metrics-api',
            metadata: {
              url: expect.stringMatching(/^http:\/\/.*\/scale$/),
              valueLocation: 'due',
              targetValue: expect.stringMatching(/^\d+$/),
            },
          },
        ],
      },
    });
    expect(PAGE).toContain("@Controller('scale')");
    expect(PAGE).toContain('return { due: ');
  });
});
