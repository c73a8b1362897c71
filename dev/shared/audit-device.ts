import type { VaultApi } from './vault-api';

/** Longest time that Vault waits for a listener that does not read. */
export const WRITE_TIMEOUT_MS = 100;

/** Audit devices of a Vault. OpenBao takes them only from its server's file. */
export class AuditDevices {
  constructor(private readonly api: VaultApi) {}

  /** A device that always works: with it, Vault answers also while no other device takes a line. */
  async toFile(file = '/dev/null'): Promise<void> {
    await this.api.request('POST', 'sys/audit/file', { type: 'file', options: { file_path: file } });
  }

  /** A device that sends each line to a listener. The listener must be there: Vault tries it. */
  async toSocket(name: string, port: number): Promise<void> {
    const options = {
      address: `127.0.0.1:${port}`,
      socket_type: 'tcp',
      // With its unit: a bare number means seconds.
      write_timeout: `${WRITE_TIMEOUT_MS}ms`,
    };
    await this.api.request('POST', `sys/audit/${name}`, { type: 'socket', options });
  }

  async disable(name: string): Promise<void> {
    await this.api.request('DELETE', `sys/audit/${name}`);
  }
}
