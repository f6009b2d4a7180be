// Stream of the server's events. A stream that ends is opened again until the server is back.

const TYPES = ['server', 'order', 'response', 'task', 'durable', 'shutdown', 'unfinished', 'stopped'];
const PAUSE = 2_000;

/** @param hear takes the type and the data of each event; `lost` is the type when the server no longer answers. */
export function listen(hear) {
  const source = new EventSource('timeline');
  for (const type of TYPES) source.addEventListener(type, ({ data }) => hear(type, JSON.parse(data)));
  source.addEventListener('error', () => {
    source.close();
    hear('lost', {});
    setTimeout(listen, PAUSE, hear);
  });
}
