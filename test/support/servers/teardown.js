import { servers } from './setup.js';

export default async function teardown() {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
}
