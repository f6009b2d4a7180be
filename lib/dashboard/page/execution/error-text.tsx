import type { ErrorDetail } from '../../../operations/api.js';

/** Error as it is stored, with its causes, down to the first. */
export function ErrorText({ error }: { readonly error: ErrorDetail }) {
  const { name, message, code, status, stack, cause, errors } = error;
  return (
    <div class="error-detail">
      <p class="error-text">
        <strong>{name}</strong>: {message}
      </p>
      {(code !== undefined || status !== undefined) && (
        <p class="soft">
          {[code !== undefined && `code ${code}`, status !== undefined && `status ${status}`]
            .filter(Boolean)
            .join(', ')}
        </p>
      )}
      {stack !== undefined && (
        <details>
          <summary>Stack of {name}</summary>
          <pre class="block" tabIndex={0} role="region" aria-label={`Stack of ${name}`}>
            {stack}
          </pre>
        </details>
      )}
      {cause !== undefined && (
        <div class="cause">
          <p class="cause-title">Caused by</p>
          <ErrorText error={cause} />
        </div>
      )}
      {errors !== undefined && errors.length > 0 && (
        <div class="cause">
          <p class="cause-title">With {errors.length === 1 ? 'the error' : 'the errors'}</p>
          <ol>
            {errors.map((each, at) => (
              <li key={at}>
                <ErrorText error={each} />
              </li>
            ))}
          </ol>
        </div>
      )}
    </div>
  );
}
