/** Language of the browser, as Intl takes it: Chromium under the locale C names it en-US@posix, at which Intl throws. */
export const LANGUAGE = knownLanguage();

// uPlot reads it when it is loaded, which is after this file.
if (LANGUAGE !== navigator.language) Object.defineProperty(navigator, 'language', { value: LANGUAGE });

function knownLanguage(): string {
  try {
    return Intl.getCanonicalLocales(navigator.language)[0] ?? 'en-US';
  } catch {
    return 'en-US';
  }
}
