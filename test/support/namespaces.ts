// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { waitUntil } from './wait-until.ts';

/** Where iproute2 keeps named network namespaces. */
export const NAMESPACE_DIRECTORY = '/run/netns';

/** Names a network namespace; null stands for the one this process is in. */
export type Namespace = string | null;

/**
 * The command as it runs inside the namespace. `ip netns exec` would mount a fresh /sys over ours and
 * hide the BPF file system; nsenter changes nothing but the network. It replaces itself with the
 * command, so the id of the spawned process is the id of the command.
 */
export function inNamespace(namespace: Namespace, argv: readonly string[]): string[] {
  if (namespace === null) return [...argv];
  return ['nsenter', `--net=${NAMESPACE_DIRECTORY}/${namespace}`, ...argv];
}

/** Starts a command in a namespace; the caller ends it. */
export function spawnIn(
  namespace: Namespace,
  argv: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  const [command, ...rest] = inNamespace(namespace, argv);
  if (command === undefined) throw new TypeError('an empty command');
  return spawn(command, rest, options);
}

/**
 * Runs a command to its end in a namespace, with `input` on its standard input, and gives its standard
 * output. Rejects, with what it wrote to standard error, when it does not end with status 0.
 */
export async function run(
  namespace: Namespace,
  argv: readonly string[],
  input = '',
): Promise<string> {
  const child = spawnIn(namespace, argv, { stdio: 'pipe' });
  let output = '';
  let complaint = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  // A command that ends without reading its input is no error of ours: its status tells.
  child.stdin?.on('error', () => undefined).end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else {
        const where = namespace === null ? '' : ` in ${namespace}`;
        const status = signal ?? `status ${String(code)}`;
        reject(new Error(`${argv.join(' ')}${where}: ${status}: ${complaint.trim()}`));
      }
    });
  });
}

/** Creates the namespaces, with nothing in them. */
export async function createNamespaces(names: readonly string[]): Promise<void> {
  await run(null, ['ip', '-batch', '-'], names.map((name) => `netns add ${name}\n`).join(''));
}

/** Deletes those of the namespaces that exist. A process still inside keeps its network alive, unnamed. */
export async function deleteNamespaces(names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (!existsSync(`${NAMESPACE_DIRECTORY}/${name}`)) continue;
    await run(null, ['ip', 'netns', 'delete', name]).catch((error: unknown) => {
      // Another run may have swept the same leftovers in the meantime.
      if (existsSync(`${NAMESPACE_DIRECTORY}/${name}`)) throw error;
    });
  }
}

/** The ids of the processes in any of the namespaces (as `ip netns pids`, in one pass over /proc). */
export function processesIn(names: readonly string[]): number[] {
  const networks = new Set(names.map(networkOf));
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((id) => {
      try {
        return networks.has(readlinkSync(`/proc/${id}/ns/net`));
      } catch {
        return false; // It has ended since, or is a zombie.
      }
    })
    .map(Number);
}

/** The identity of a named namespace, as the links in /proc/<pid>/ns write it. */
function networkOf(name: string): string {
  const status = statSync(`${NAMESPACE_DIRECTORY}/${name}`, { throwIfNoEntry: false });
  return `net:[${status === undefined ? 'none' : status.ino.toString()}]`;
}

/** Kills every process in the namespaces and waits until none is left. */
export async function emptyNamespaces(names: readonly string[]): Promise<void> {
  await waitUntil('the processes in a namespace to end', () => {
    const left = processesIn(names);
    for (const id of left) {
      try {
        process.kill(id, 'SIGKILL');
      } catch {
        // Ended since.
      }
    }
    return left.length === 0;
  });
}
