// SPDX-License-Identifier: Apache-2.0
import { chownSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { unitAddressFamilies, unitCapabilities, unitSystemCalls } from './service-unit.ts';

const ROOT = join(import.meta.dirname, '../..');
const SECCOMP_RUN = join(ROOT, 'build/seccomp-run');

/** Of nobody: a user and group that no file of the machine belongs to. */
export const SERVICE_USER = 61_321;

export interface SandboxOptions {
  /** The user's own; must be reachable for it. */
  readonly directory: string;
  /** Made for the user in a BPF file system, as the unit does before each start. */
  readonly pins: string;
  /** As setpriv names them; those of the unit if left out. */
  readonly capabilities?: readonly string[];
}

/**
 * The command as the shipped unit would run it: by an ordinary user, with the unit's capabilities,
 * system calls, address families and umask. The user sees the tree inside the directory, wherever
 * it lies: a checkout in root's home is closed to others. Every step replaces itself, so the
 * spawned process is the command.
 */
export function inServiceSandbox(
  argv: readonly string[],
  { directory, pins, capabilities = unitCapabilities() }: SandboxOptions,
): string[] {
  const tree = join(directory, 'tree');
  mkdirSync(tree, { recursive: true });
  mkdirSync(pins, { recursive: true, mode: 0o700 });
  for (const own of [directory, pins]) chownSync(own, SERVICE_USER, SERVICE_USER);
  const set = ['-all', ...capabilities.map((name) => `+${name}`)].join();
  const user = SERVICE_USER.toString();
  return [
    // As systemd does: what is unmounted outside is unmounted here, too.
    ...['unshare', '--mount', '--propagation', 'slave'],
    ...['sh', '-ec', 'mount --bind "$1" "$2"; shift 2; umask 0077; exec "$@"', 'sh', ROOT, tree],
    ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--no-new-privs'],
    ...[`--inh-caps=${set}`, `--ambient-caps=${set}`, `--bounding-set=${set}`],
    ...[join(tree, relative(ROOT, SECCOMP_RUN)), unitAddressFamilies().join()],
    [...unitSystemCalls()].join(),
    ...argv.map((argument) => argument.replace(`${ROOT}/`, `${tree}/`)),
  ];
}
