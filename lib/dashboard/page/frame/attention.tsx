import type { AttentionView } from '../../../operations/api.js';
import { follow } from '../place/link.js';
import { hrefOfNamed } from '../place/place.js';
import { unchanging } from '../parts/unchanging.js';

interface AttentionProps {
  readonly attention: readonly AttentionView[];
}

/** Sentences about what needs a person, each a link to where it can be acted on. */
export const Attention = unchanging(({ attention }: AttentionProps) => (
  <ul class="attention">
    {attention.map(({ level, text, view }) => {
      const href = hrefOfNamed(view);
      return (
        <li key={text} data-tone={level}>
          <span class="attention-level">{level}</span>{' '}
          {href === undefined ? (
            text
          ) : (
            <a href={href} onClick={follow}>
              {text}
            </a>
          )}
        </li>
      );
    })}
  </ul>
));
