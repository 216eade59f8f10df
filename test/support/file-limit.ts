// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

const ENOUGH = 65_536;

/**
 * The number of open files a process of the test bed may have: as many as needed, or the hard limit of
 * this process where that is lower, since raising it takes CAP_SYS_RESOURCE.
 */
export function fileLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1];
  return hard === undefined ? ENOUGH : Math.min(ENOUGH, Number(hard));
}

/** What to put in front of a command for it to run with that limit. */
export function withFileLimit(argv: readonly string[]): string[] {
  const limit = fileLimit().toString();
  return ['prlimit', `--nofile=${limit}:${limit}`, ...argv];
}
