// SPDX-License-Identifier: Apache-2.0
// What vm-test.service runs in the machine: after the first boot, and again after the second.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Checks } from './checks.ts';
import { firstBoot, type Before } from './first-boot.ts';
import { secondBoot } from './second-boot.ts';
import { systemctl } from './unit.ts';

/** What the second boot has to know of the first. */
const BEFORE = '/var/lib/vm-test.json';

interface Kept extends Before {
  readonly checks: number;
}

if (existsSync(BEFORE)) {
  const kept = JSON.parse(readFileSync(BEFORE, 'utf8')) as Kept;
  const checks = new Checks(kept.checks);
  await secondBoot(checks, kept);
  checks.end();
  await systemctl('--no-block', 'poweroff');
} else {
  const checks = new Checks(0);
  const before = await firstBoot(checks);
  const kept: Kept = { ...before, checks: checks.count };
  writeFileSync(BEFORE, JSON.stringify(kept));
  await systemctl('--no-block', 'reboot');
}
