import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { answer, TinyServer } from '../../support/tiny-server';

/** The file of a destination for the key `sync`, whose servers are small ones that have nothing. */
export class AskedSync {
  private constructor(
    private readonly folder: string,
    readonly vault: TinyServer,
    readonly consul: TinyServer,
  ) {}

  /**
   * @param token for every server
   * @param vaultKeys of both Vaults, besides
   */
  static async create(token: string, vaultKeys: object = { token }): Promise<AskedSync> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-asked-'));
    const vault = await TinyServer.start(answer(404, { errors: [] }, { 'content-type': 'application/json' }));
    const asked = new AskedSync(
      folder,
      vault,
      await TinyServer.start(answer(404, '', { 'x-consul-index': '1' })),
    );
    const side = {
      vault: { address: vault.address, ...vaultKeys },
      consul: { address: asked.consul.address, token },
      mounts: ['secret/'],
      syncPath: 'vsync/',
    };
    writeFileSync(
      asked.file,
      JSON.stringify({ name: 'site1', origin: side, destination: { ...side, syncPath: 'site1/' } }),
    );
    return asked;
  }

  get file(): string {
    return path.join(this.folder, 'site1.json');
  }

  async close(): Promise<void> {
    await this.vault.close();
    await this.consul.close();
    rmSync(this.folder, { recursive: true });
  }
}
