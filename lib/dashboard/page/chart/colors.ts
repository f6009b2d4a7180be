import { useEffect, useState } from 'preact/hooks';

/** Returns a custom property of the page as a colour for the canvas. */
export function colorOf(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}

const DARK = matchMedia('(prefers-color-scheme: dark)');

/** Returns the colour scheme, and draws the component again when the user changes it. */
export function useScheme(): 'dark' | 'light' {
  const [isDark, setIsDark] = useState(DARK.matches);
  useEffect(() => {
    const read = (): void => setIsDark(DARK.matches);
    read();
    DARK.addEventListener('change', read);
    return () => DARK.removeEventListener('change', read);
  }, []);
  return isDark ? 'dark' : 'light';
}
