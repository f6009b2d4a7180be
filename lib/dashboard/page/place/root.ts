const SCRIPT = import.meta.url;

/** Address of the dashboard, whatever prefix the application gives it: this script lies in its folder `assets/`. */
export const ROOT = new URL('../', SCRIPT);
