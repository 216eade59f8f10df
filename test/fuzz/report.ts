// SPDX-License-Identifier: Apache-2.0
import { formatTable } from '../../src/cli/table.ts';
import { hexOf, SHOWN } from './hex.ts';
import { FRAMES_IN_PART, type Failure } from './part.ts';
import { REACHABLE, verdictName } from './verdicts.ts';
import { portAt } from './world.ts';

/** How often each verdict was reached. */
export function verdictTable(reached: ArrayLike<number>): string {
  const rows = REACHABLE.map((verdict) => [
    verdictName(verdict),
    (reached[verdict] ?? 0).toLocaleString('en'),
  ]);
  return formatTable(['VERDICT', 'FRAMES'], rows);
}

/** Verdicts that some frame should have reached, and none did. */
export function missingVerdicts(reached: ArrayLike<number>): string[] {
  return REACHABLE.filter((verdict) => (reached[verdict] ?? 0) === 0).map(verdictName);
}

/** All it takes to see the failure again. */
export function describeFailure(
  { violation, index, frame }: Failure,
  at: { readonly seed: number; readonly part: number },
): string {
  const number = at.part * FRAMES_IN_PART + index;
  const port = portAt(frame.port).name;
  const again = `node test/fuzz/main.ts --seed ${at.seed}`;
  return [
    `frame ${number} of seed ${at.seed}, ${frame.length} bytes on ${port}:`,
    hexOf(frame.bytes),
    violation.message,
    `again: ${again} --only ${number}`,
    ...(frame.length > SHOWN
      ? []
      : [`alone: ${again} --port ${port} --frame ${frame.bytes.toString('hex')}`]),
  ].join('\n');
}
