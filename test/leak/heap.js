/** Bytes in use, after several collections: one alone leaves what finalizers have just let go of. */
export function heap() {
  for (let i = 0; i < 4; i++) globalThis.gc();
  return process.memoryUsage().heapUsed;
}
