import type { ProgressView } from '../../../operations/api.js';
import { numberText } from './number.js';

/** Progress as a bar with its figures as text. */
export function ProgressBar({ progress }: { readonly progress: ProgressView }) {
  const { current, total, message } = progress;
  const text = `${numberText(current)} of ${numberText(total)}`;
  return (
    <span class="progress">
      <progress max={Math.max(total, 1)} value={current} aria-label={`Progress: ${text}`} />
      <span>{text}</span>
      {message !== undefined && <span class="soft">{message}</span>}
    </span>
  );
}
