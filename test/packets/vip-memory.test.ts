// SPDX-License-Identifier: Apache-2.0
// What a processor remembers of a VIP ends with the VIP's next change.
import { describe, expect, test } from 'vitest';
import { native } from '../../src/datapath/native.ts';
import { openDatapath } from './datapath-under-test.ts';
import { owner, SETTLED, vips } from './distributors.ts';
import { toVip } from './packet-builder.ts';
import { growth, readCounters } from './counters.ts';

const datapath = openDatapath({ flows: 16 });

/** More VIPs than one: whichever comes first must not stand in for the other. */
describe.each([vips.plain.v4, vips.plain.v6])('a VIP that was seen before: $key.address', (vip) => {
  const { bytes } = toVip(vip).tcp({ flags: 'A', from: 1234, to: 80 });

  /** What the counters say of one packet. */
  function send(): readonly string[] {
    const before = readCounters(datapath.native);
    datapath.native.testRun({ frame: bytes, ifindex: 0 });
    return growth(before, readCounters(datapath.native));
  }

  function settle(): void {
    const table = datapath.tableOf(vip.distributor);
    const slot = { current: owner.first, previous: SETTLED, clock: 0 };
    for (let index = 0; index < table.size; index++) table.put(index, slot);
  }

  function putAgain(): number {
    return datapath.putVip(vip, native.now());
  }

  test('goes on as it was', () => {
    settle();
    putAgain();
    const first = send();
    expect(first.join()).toContain('tx_settled');
    expect(send()).toEqual(first);
  });

  test('is not forwarded once it is deleted, and is once it is back', () => {
    settle();
    const vipId = putAgain();
    const before = send();
    datapath.native.deleteVip({ ...vip.key, vipId, counters: vip.counters });
    expect(send().join()).toContain('pass_not_vip');
    expect(send().join()).toContain('pass_not_vip');
    putAgain();
    expect(send()).toEqual(before);
  });

  test('goes to another place in the maps from the next packet on', () => {
    settle();
    putAgain();
    send();
    const { positionBase } = vips.elsewhere.v4.distributor;
    datapath.putVip(vip, native.now(), { positionBase });
    const moved = send().join();
    expect(moved).toContain('tx_settled');
    putAgain();
    expect(send().join()).not.toBe(moved);
  });
});
