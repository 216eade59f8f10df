// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deleteNamespaces, emptyNamespaces, NAMESPACE_DIRECTORY } from './namespaces.ts';

/**
 * What a test bed leaves on the machine (namespaces, a directory) is named `dd-<pid>-<random>-<role>`
 * after the process it belongs to: runs do not collide, and what a killed run left can be told from
 * what a live one uses.
 */
const NAME = /^dd-(?<owner>\d+)-[0-9a-f]{6}-[a-z0-9-]+$/;

/** A prefix that no other test bed has. */
export function newBedName(): string {
  return `dd-${process.pid.toString()}-${randomBytes(3).toString('hex')}`;
}

export function workDirectory(bedName: string): string {
  return join(tmpdir(), `${bedName}-files`);
}

const BPFFS = '/sys/fs/bpf';

/** Where the bed's daemon keeps what outlives it in the kernel. */
export function pinDirectory(bedName: string): string {
  return join(BPFFS, `${bedName}-pins`);
}

/** Removes the processes, namespaces and directories of test beds whose owner is gone. */
export async function sweepLeftovers(): Promise<void> {
  const namespaces = orphansIn(NAMESPACE_DIRECTORY);
  if (namespaces.length > 0) {
    await emptyNamespaces(namespaces);
    await deleteNamespaces(namespaces);
  }
  for (const directory of [tmpdir(), BPFFS])
    for (const name of orphansIn(directory))
      rmSync(join(directory, name), { recursive: true, force: true });
}

function orphansIn(directory: string): string[] {
  return entriesOf(directory).filter((name) => {
    const owner = NAME.exec(name)?.groups?.owner;
    return owner !== undefined && !isRunning(owner);
  });
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // No namespace has ever been made on this machine.
  }
}

/** A zombie does not count: where nothing reaps orphans, a killed process stays one for ever. */
function isRunning(id: string): boolean {
  try {
    // "pid (name) state …", and the name may hold anything, parentheses and blanks included.
    const status = readFileSync(`/proc/${id}/stat`, 'utf8');
    const state = status.slice(status.lastIndexOf(')') + 2, status.lastIndexOf(')') + 3);
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}
