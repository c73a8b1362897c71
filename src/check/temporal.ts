import type { Config } from '../config/schema';
import { connectClient, explainTemporal, temporalTarget } from '../temporal';
import { check, type Check } from './check';

/** Whether Temporal answers, and has the namespace. */
export async function checkTemporal({ temporal }: Config): Promise<Check> {
  return check('Temporal', async () => {
    const target = temporalTarget(temporal);
    const client = await connectClient(target);
    try {
      await client.workflowService.describeNamespace({ namespace: target.namespace });
    } catch (error) {
      throw explainTemporal(target, error);
    } finally {
      await client.connection.close();
    }
    return { detail: `${target.address} answers, and has the namespace ${target.namespace}` };
  });
}
