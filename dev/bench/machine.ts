import { execFile } from 'node:child_process';
import os from 'node:os';
import { promisify } from 'node:util';
import { serverPaths } from '../servers/start';

/** Where the figures were taken. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  node: string;
  /** Version of each server, by its name. */
  servers: Record<string, string>;
  /** Processes that wanted to run in the minute before: about 0 on a quiet machine. */
  loadBefore: number;
}

export async function describeMachine(): Promise<Machine> {
  const { temporal, consul, vault } = await serverPaths();
  const versionOf = async (command: string, args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(command, args, { timeout: 20_000 });
    return /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0].replace(/,$/, '') ?? 'unknown';
  };
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 1024 ** 3),
    node: process.version,
    servers: {
      Temporal: await versionOf(temporal, ['--version']),
      Consul: await versionOf(consul, ['version']),
      Vault: await versionOf(vault, ['version']),
    },
    loadBefore: Math.round((os.loadavg()[0] ?? 0) * 10) / 10,
  };
}
