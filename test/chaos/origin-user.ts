import type { VaultApi } from '../../dev/shared/vault-api';
import { encoded } from './destination-view';
import type { Model, OriginStep } from './model';
import { partsOf, type MountName, type MountTable } from './names';
import { settingsOf } from './secret-settings';

/** A user who changes the origin with requests to its Vault. The model records each change. */
export class OriginUser {
  constructor(
    private readonly vault: VaultApi,
    private readonly mounts: MountTable,
    private readonly model: Model,
  ) {}

  async step(name: string, step: OriginStep, value: string): Promise<void> {
    const { model, vault } = this;
    if (!model.can(name, step)) return;
    const { mount, inMount } = this.mounts.locate(name);
    const at = (what: string): string => `${mount}${what}/${encoded(inMount)}`;
    const version = model.version(name);
    const beganMs = Date.now();
    if (step === 'put' || step === 'put-same') {
      const data = { v: step === 'put-same' ? (model.value(name) ?? '') : value };
      await vault.request('POST', at('data'), { data, options: { cas: version } });
    } else if (step === 'delete') await vault.delete(mount, inMount);
    else if (step === 'undelete') await vault.request('POST', at('undelete'), { versions: [version] });
    else if (step === 'destroy') await vault.request('PUT', at('destroy'), { versions: [version] });
    else if (step === 'set') await vault.request('POST', at('metadata'), settingsOf(value));
    else await vault.request('DELETE', at('metadata'));
    // Vault's times are truncated to milliseconds, ours are rounded.
    const word = step === 'set' && value === 'none' ? undefined : value;
    model.apply(name, step, { beganMs: beganMs - 1, endedMs: Date.now() + 1 }, word);
  }

  /** Replaces a mount by another engine with some of its secrets. */
  async recreate(mount: MountName, keep: readonly string[], value: string): Promise<void> {
    const { model, vault } = this;
    const inVault = this.mounts.of(mount);
    const before = model.names.filter((name) => partsOf(name).mount === mount && keep.includes(name));
    const values = new Map(before.map((name) => [name, model.value(name)]));
    const beganMs = Date.now();
    // From here on absence is not evidence. The old engine answers until the new one does.
    await vault.unmount(inVault);
    await vault.mount(inVault);
    model.recreate(mount, { beganMs: beganMs - 1, endedMs: Date.now() + 1 });
    for (const [name, old] of values)
      if (old !== undefined) await this.step(name, 'put', value === '' ? old : value);
  }
}
