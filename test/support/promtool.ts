// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const own = join(import.meta.dirname, '../../build/promtool');

/** Prometheus's checker as prepare-machine.sh fetches it; null where it is not there. */
export function findPromtool(): string | null {
  return existsSync(own) ? own : null;
}

/** What promtool finds fault with; empty if nothing. */
export function promtoolComplaints(promtool: string, argv: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(promtool, argv, { input, encoding: 'utf8' });
  return status === 0 ? '' : `status ${String(status)}\n${stdout}${stderr}`;
}
