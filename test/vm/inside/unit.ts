// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { run } from '../../support/namespaces.ts';
import { waitUntil } from '../../support/wait-until.ts';

const UNIT = 'distributord.service';

export async function systemctl(...argv: readonly string[]): Promise<void> {
  await run(null, ['systemctl', '--quiet', ...argv]);
}

/** A property as `systemctl show` has it. */
export async function property(name: string): Promise<string> {
  return (await run(null, ['systemctl', 'show', '--value', '-p', name, UNIT])).trim();
}

export async function mainPid(): Promise<number> {
  return Number(await property('MainPID'));
}

/** A line of /proc/PID/status of the daemon. */
export async function processStatus(name: string): Promise<string> {
  const text = readFileSync(`/proc/${await mainPid()}/status`, 'utf8');
  return new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(text)?.[1] ?? '';
}

/** Everything that the unit has logged since the boot. */
export function unitLog(): Promise<string> {
  return run(null, ['journalctl', '--no-pager', '-b', '-o', 'cat', '-u', UNIT]);
}

/** Resolves when systemd has started it again by itself so many times since the boot. */
export async function untilRestarted(times: number): Promise<void> {
  await waitUntil(`restart ${times} of the unit`, async () => {
    const restarts = await property('NRestarts');
    return restarts === times.toString() && (await property('ActiveState')) === 'active';
  });
}
