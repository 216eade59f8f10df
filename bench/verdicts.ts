// SPDX-License-Identifier: Apache-2.0
import { native, type NativeDatapath } from '../src/datapath/native.ts';

/** Packets by verdict: of the first VIP, and of none. */
export function verdictsOf(datapath: NativeDatapath): readonly number[] {
  const [none, first] = [0, 1].map((counters) => datapath.vipCounters(counters).packets);
  return native.verdicts.map((_, verdict) => (none?.[verdict] ?? 0) + (first?.[verdict] ?? 0));
}

/**
 * Throws unless what `one` says has become of the packets between the two counts. Returns how many
 * there were.
 */
export function refuseOthers(
  one: { readonly verdict: string },
  before: readonly number[],
  after: readonly number[],
): number {
  const counts = after.map((count, verdict) => count - (before[verdict] ?? 0));
  const all = counts.reduce((sum, count) => sum + count, 0);
  const expected = counts[native.verdicts.indexOf(one.verdict)] ?? 0;
  if (all > 0 && expected >= 0.98 * all) return all;
  const found = counts.flatMap((count, verdict) =>
    count > 0 ? [`${native.verdicts[verdict] ?? ''} ${count.toString()}`] : [],
  );
  throw new Error(`${JSON.stringify(one)}: found ${found.join(', ')}`);
}
