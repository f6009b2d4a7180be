import type { PartialInputHTMLAttributes } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  /** Called when the user has finished a value: on Enter, or when the field is left. */
  readonly onCommit?: (value: string) => void;
  /** Called with each character. */
  readonly onDraft?: (value: string) => void;
  readonly hint?: string;
  readonly input?: InputOptions;
}

type InputOptions = Pick<
  PartialInputHTMLAttributes<HTMLInputElement>,
  'inputMode' | 'max' | 'maxLength' | 'min' | 'onFocus' | 'placeholder' | 'required' | 'step'
> & { readonly type?: 'number'; readonly list?: string };

/** Field with a draft of its own: what is typed stays when a live event draws its view again. */
export function TextField({ label, value, onCommit, onDraft, hint, input = {} }: TextFieldProps) {
  const id = useId();
  const { type = 'text', list, ...rest } = input;
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...rest}
        type={type as 'text'}
        list={list as string}
        autoComplete="off"
        spellcheck={false}
        id={id}
        value={draft}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onInput={({ currentTarget }) => {
          setDraft(currentTarget.value);
          onDraft?.(currentTarget.value);
        }}
        onChange={({ currentTarget }) => onCommit?.(currentTarget.value.trim())}
      />
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
