import { ScheduleNotFoundError, WorkflowNotFoundError } from '@temporalio/client';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SyncFixture } from './sync-fixture';
import { runVsync, type Ended } from '../../dev/shared/vsync-command';

/** A secret of the origin whose value must not appear anywhere else. */
export const PLANTED = { path: 'planted', data: { password: 'planted-value-4711' } };

/** An invalid token. */
export const WRONG_TOKEN = 'wrong-token-4711';

interface Side {
  vault: { address: string; token: string } & Record<string, unknown>;
  consul: { address: string };
  mounts: string[];
}

/** The parts of a configuration file that tests change. */
export type ConfigFile = Record<string, unknown> & {
  temporal: { address: string; namespace?: string };
  origin: Side;
  destination: Side;
};

/** Runs `vsync` with faulty configurations, and checks that it refuses them and changes nothing. */
export class RefusalCheck {
  constructor(private readonly sync: SyncFixture) {}

  /** Writes a changed copy of the good configuration. @returns its file */
  changed(role: 'origin' | 'destination', edit: (file: ConfigFile) => void): string {
    const good = role === 'origin' ? this.sync.originFile : (this.sync.destinationFiles[0] ?? '');
    const content = JSON.parse(readFileSync(good, 'utf8')) as ConfigFile;
    edit(content);
    return this.written('changed.json', JSON.stringify(content));
  }

  written(name: string, text: string): string {
    const file = path.join(this.sync.folder, name);
    writeFileSync(file, text);
    return file;
  }

  run(...args: string[]): Promise<Ended> {
    return runVsync(args, { home: this.sync.folder });
  }

  /** Expects one message on stderr with these texts in this order, without secrets, and that nothing was changed. */
  async expectRefusal(ended: Ended, code: 1 | 2, texts: readonly string[]): Promise<void> {
    expect(ended).toEqual({ code, stdout: '', stderr: expect.any(String) as string });
    let rest = ended.stderr;
    for (const text of texts) {
      expect(rest).toContain(text);
      rest = rest.slice(rest.indexOf(text) + text.length);
    }
    expect(ended.stderr).not.toMatch(/^\s+at /m);
    expect(ended.stderr.match(/^(vsync|error): /gm)).toHaveLength(1);
    this.expectNoSecret(ended);
    await this.expectNothingWritten();
  }

  expectNoSecret({ stdout, stderr }: Ended): void {
    const { origin, destinations } = this.sync.servers;
    for (const secret of [
      origin.rootToken,
      destinations[0].rootToken,
      PLANTED.data.password,
      WRONG_TOKEN,
      '4711',
    ]) {
      expect(stdout + stderr).not.toContain(secret);
    }
  }

  /** Expects no schedule, no watch, no key in Consul, and unchanged secrets. */
  async expectNothingWritten(): Promise<void> {
    const { sync } = this;
    for (const role of ['origin', 'destination'] as const) {
      await expect(sync.schedule(role).describe()).rejects.toThrow(ScheduleNotFoundError);
    }
    const watch = sync.client.workflow.getHandle(`vsync-watch-${sync.config('destination').name}`);
    await expect(watch.describe()).rejects.toThrow(WorkflowNotFoundError);
    expect(await sync.consul.revisions(sync.syncPath)).toEqual({});
    expect(await sync.originVault.version(sync.mount, PLANTED.path)).toBe(1);
    expect(await sync.destinationVaults[0]?.version(sync.mount, PLANTED.path)).toBe(0);
  }
}
