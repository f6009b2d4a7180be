/** What the system says, on one line. An AggregateError of node:net (`localhost` is two addresses) has a code alone. */
export function reason(error) {
  return (error.message || error.code || String(error)).replaceAll(/\s+/g, ' ').trim();
}

/** A server that others started, and others stop. */
export function running(url, source) {
  return { url, source, stop: async () => {} };
}

/** The server that a variable names. It is used or the run fails: another in its place would be a surprise. */
export async function namedBy(variable, url, attempt) {
  try {
    await attempt(url);
  } catch (error) {
    throw new Error(
      `${variable} is set, but ${addressOf(url)} cannot be used: ${reason(error)}. Start that server, or unset ${variable}.`,
      { cause: error },
    );
  }
  return running(url, variable);
}

/** Without the password, for the log of the CI. */
function addressOf(url) {
  return URL.canParse(url) ? new URL(url).host : 'what it holds';
}
