import { makeTestBundle } from './bundle';
import { startSharedServers } from './shared-servers';

export default async function setUp(): Promise<void> {
  await makeTestBundle();
  await startSharedServers();
}
