// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of one test's own, for a store. */
export class StateDirectory {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<StateDirectory> {
    return new StateDirectory(await mkdtemp(join(tmpdir(), 'distributord-store-')));
  }

  get file(): string {
    return join(this.path, 'state.db');
  }

  /** Every file's content by name, as hexadecimal. */
  async content(): Promise<Readonly<Record<string, string>>> {
    const names = (await readdir(this.path)).sort();
    const read = async (name: string) =>
      [name, (await readFile(join(this.path, name))).toString('hex')] as const;
    return Object.fromEntries(await Promise.all(names.map(read)));
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
