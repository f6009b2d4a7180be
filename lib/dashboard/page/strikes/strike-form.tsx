import type { TargetedSubmitEvent } from 'preact';
import { useId, useState } from 'preact/hooks';
import { useAction } from '../client/use-action.js';
import { SelectField } from '../parts/select-field.js';
import { TextField } from '../parts/text-field.js';
import { problemOf, typedValue, VALUE_TYPES, type ValueType } from './typed-value.js';

const OPERATORS = ['==', '!=', '<', '<=', '>', '>=', 'between', 'in'] as const;
const MODES = ['drop', 'hold'] as const;
const ALL = 'all tasks';
const ONE = 'one task';

const NOTHING = { parameter: '', value: '', reason: '', expiresIn: '' };

/** Form of a new strike. A strike on all tasks needs a parameter: the pause is for the rest. */
export function StrikeForm({ task: proposed }: { readonly task: string }) {
  const [run, isBusy] = useAction();
  const title = useId();
  const [scope, setScope] = useState<typeof ALL | typeof ONE>(ONE);
  const [task, setTask] = useState(proposed);
  const [texts, setTexts] = useState(NOTHING);
  const [operator, setOperator] = useState<(typeof OPERATORS)[number]>('==');
  const [type, setType] = useState<ValueType>('text');
  const [mode, setMode] = useState<(typeof MODES)[number]>('drop');
  const [problem, setProblem] = useState<string>();
  const needsList = operator === 'between' || operator === 'in';
  const used = needsList ? 'JSON' : type;
  const hasParameter = texts.parameter !== '';
  const change = (name: keyof typeof NOTHING) => (value: string) =>
    setTexts((before) => ({ ...before, [name]: value }));

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const wrong = hasParameter ? problemOf(used, operator, texts.value) : undefined;
    setProblem(wrong);
    if (wrong !== undefined) return;
    const { parameter, reason, expiresIn } = texts;
    const result = await run('strike', {
      task: scope === ALL ? null : task.trim(),
      ...(hasParameter && { parameter, operator, value: typedValue(used, texts.value) }),
      mode,
      ...(reason !== '' && { reason }),
      ...(expiresIn !== '' && { expiresIn }),
    });
    if (result !== undefined) setTexts(NOTHING);
  };

  return (
    <section aria-labelledby={title} class="card">
      <h2 id={title}>New strike</h2>
      <form onSubmit={(event) => void submit(event)}>
        <div class="fields">
          <SelectField label="On" options={[ONE, ALL]} value={scope} onChoose={setScope} />
          {scope === ONE && (
            <TextField
              label="Task"
              value={task}
              onDraft={setTask}
              input={{ required: true, placeholder: 'orders.process' }}
            />
          )}
          <TextField
            label={scope === ALL ? 'Parameter' : 'Parameter (optional)'}
            value={texts.parameter}
            onDraft={change('parameter')}
            input={{ required: scope === ALL, placeholder: 'customerId' }}
          />
          {hasParameter && (
            <>
              <SelectField label="Operator" options={OPERATORS} value={operator} onChoose={setOperator} />
              {!needsList && (
                <SelectField label="Type of the value" options={VALUE_TYPES} value={type} onChoose={setType} />
              )}
              <TextField
                label={needsList ? 'Value (a JSON list)' : 'Value'}
                value={texts.value}
                onDraft={change('value')}
                input={{
                  required: true,
                  placeholder: operator === 'between' ? '[1, 10]' : needsList ? '["a","b"]' : '',
                }}
              />
            </>
          )}
          <SelectField label="Mode" options={MODES} value={mode} onChoose={setMode} />
          <TextField
            label="Reason (optional)"
            value={texts.reason}
            onDraft={change('reason')}
            input={{ maxLength: 1_000 }}
          />
          <TextField
            label="Expires in (optional)"
            value={texts.expiresIn}
            onDraft={change('expiresIn')}
            input={{ placeholder: '1d' }}
          />
        </div>
        <p class="hint">
          {mode === 'drop'
            ? 'Executions that match end as dropped.'
            : 'Executions that match wait until the strike is taken back.'}
        </p>
        <p role="status" class="error-text">
          {problem}
        </p>
        <p class="buttons">
          <button type="submit" class="primary" aria-disabled={isBusy}>
            Strike
          </button>
        </p>
      </form>
    </section>
  );
}
