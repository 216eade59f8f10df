// SPDX-License-Identifier: Apache-2.0
import type { Distributor__Output as Distributor } from '../../build/proto/distributor/v1/Distributor.ts';
import { exitStatus } from './exit-status.ts';
import { describeCondition } from './show-conditions.ts';
import { nameOf, statusOf } from './show.ts';
import { formatTable } from './table.ts';

/** A line for each distributor, and below it one for each of its conditions. */
export function showStatus(distributors: readonly Distributor[], now: number): string {
  const [headings = '', ...lines] = formatTable(
    ['DISTRIBUTOR', 'LOAD BALANCER', 'STATUS'],
    distributors.map((distributor) => [distributor.id, nameOf(distributor), statusOf(distributor)]),
  ).split('\n');
  const below = distributors.map(({ conditions }) =>
    conditions.map((condition) => `  ${condition.type}: ${describeCondition(condition, now)}`),
  );
  return [headings, ...lines.flatMap((line, index) => [line, ...(below[index] ?? [])])].join('\n');
}

/** For monitoring: the worst counts, and what is not known to be well is not. */
export function healthOf(distributors: readonly Distributor[]): number {
  if (distributors.some(({ status }) => status === 'STATUS_DOWN')) return exitStatus.down;
  const well = distributors.every(({ status }) => status === 'STATUS_ONLINE');
  return well ? exitStatus.success : exitStatus.degraded;
}
