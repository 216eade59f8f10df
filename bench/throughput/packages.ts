// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from '../../test/support/namespaces.ts';

export interface Programs {
  /** Put before a command, makes it find the programs, and them their libraries. */
  readonly environment: readonly string[];
  /** Where libxdp finds its programs. */
  readonly xdpObjects: string;
  /** What the packages' files are under. */
  readonly root: string;
}

/** Debian's packages, unpacked beside the machine's own; what is installed is used as it is. */
export async function unpackPackages(packages: readonly string[]): Promise<Programs> {
  const [name = ''] = packages;
  const directory = resolve('build/contenders', name);
  await run(null, [join(import.meta.dirname, 'unpack-packages.sh'), directory, ...packages]);
  const isInstalled = !readdirSync(directory).includes('usr');
  const root = isInstalled ? '/' : directory;
  const below = (path: string) => join(root, path);
  const libraries = ['lib', 'usr/lib'].map(below).flatMap(multiarch);
  const path = ['usr/sbin', 'usr/bin', 'usr/lib/openvswitch-switch'].map(below);
  return {
    environment: [
      'env',
      `PATH=${[...path, process.env.PATH ?? ''].join(':')}`,
      ...(isInstalled ? [] : [`LD_LIBRARY_PATH=${libraries.join(':')}`]),
    ],
    xdpObjects: libraries.map((directory) => join(directory, 'bpf')).find(existsSync) ?? '',
    root,
  };
}

/** Directories as x86_64-linux-gnu. */
function multiarch(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => join(directory, name));
  } catch {
    return []; // The packages have none there.
  }
}
