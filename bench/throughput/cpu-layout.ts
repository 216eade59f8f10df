// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** CPUs as taskset names them. */
export interface CpuLayout {
  /** The generator's, on which the kernel does whatever its frames cause, too. */
  readonly generator: string;
  /** For threads of other processes. */
  readonly others: string;
}

export function cpuLayout(): CpuLayout {
  const status = readFileSync('/proc/self/status', 'utf8');
  const list = /^Cpus_allowed_list:\s*(?<list>\S+)$/m.exec(status)?.groups?.list ?? '0';
  const [first = 0, ...others] = list.split(',').flatMap(cpusOf);
  return {
    generator: first.toString(),
    others: others.length > 0 ? others.join(',') : first.toString(),
  };
}

/** Of "3" and "0-2". */
function cpusOf(range: string): number[] {
  const [first = 0, last = first] = range.split('-').map(Number);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
