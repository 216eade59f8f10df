// SPDX-License-Identifier: Apache-2.0

export const verdictClasses = ['forwarded', 'answered', 'passed', 'dropped'] as const;
export type VerdictClass = (typeof verdictClasses)[number];

/** Of what is sent back, those that answer for the VIP itself; all others go to an amphora. */
const answers: ReadonlySet<string> = new Set([
  'tx_arp_reply',
  'tx_neighbour_advertisement',
  'tx_vip_defended',
]);

/** docs/verdicts.md explains the verdicts. */
export function classOf(verdict: string): VerdictClass {
  if (verdict.startsWith('drop_')) return 'dropped';
  if (verdict.startsWith('pass_')) return 'passed';
  return answers.has(verdict) ? 'answered' : 'forwarded';
}

/** Packets by class, and those dropped by the name of the verdict, without zeros. */
export function classesOf(
  verdicts: readonly string[],
  packets: readonly number[],
): {
  readonly classes: Readonly<Record<VerdictClass, number>>;
  readonly drops: readonly (readonly [string, number])[];
} {
  const classes = { forwarded: 0, answered: 0, passed: 0, dropped: 0 };
  const drops: (readonly [string, number])[] = [];
  verdicts.forEach((verdict, index) => {
    const number = packets[index] ?? 0;
    if (number === 0) return;
    const name = classOf(verdict);
    classes[name] += number;
    if (name === 'dropped') drops.push([verdict, number]);
  });
  return { classes, drops };
}
