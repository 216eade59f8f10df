// SPDX-License-Identifier: Apache-2.0
// While the daemon takes over from one with other maps, an entry may still be on its way: what
// would be judged by the lack of one waits, and nothing else does.
import { describe, test } from 'vitest';
import { openDatapath } from './datapath-under-test.ts';
import { owner, SETTLED, vips } from './distributors.ts';
import { checkOn } from './fixture.ts';
import { toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third } = owner;
const unsettled = { current: first, previous: second };

function carrying() {
  const datapath = openDatapath({ flows: 16 });
  datapath.native.setCarrying({ carrying: true });
  return datapath;
}

describe.each(['v4', 'v6'] as const)('while entries are carried over, IP%s', (family) => {
  const checkCarrying = checkOn(carrying());
  const vip = vips.plain[family];
  const tcp = (flags: string) => toVip(vip).tcp({ flags, from: 1234, to: 80 });
  const udp = toVip(vip).udp({ from: 1234, to: 53 });
  const dropped = { verdict: 'drop_carry_over' } as const;
  const slot = unsettled;
  test.each<PacketRecord>([
    ...variations(['A', 'PA', 'FA', 'R'], (flags): PacketRecord => ({
      it: `TCP ${flags} of no known flow waits`,
      ...{ vip, frame: tcp(flags), slot, ...dropped },
    })),
    {
      it: 'UDP within the learning window waits',
      ...{ vip, frame: udp, slot, learning: 5 },
      ...dropped,
    },
    {
      it: 'UDP after it is new',
      ...{ vip, frame: udp, slot, learning: 0, verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'a TCP SYN is new',
      ...{ vip, frame: tcp('S'), slot, verdict: 'tx_new', to: first, newFlow: true },
      entryAfter: { owner: first, age: 0 },
    },
    {
      it: 'a flow with an entry stays with it',
      ...{ vip, frame: tcp('A'), slot, entry: { owner: third, age: 9 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'a flow with an opening stays with it',
      ...{ vip, frame: tcp('A'), slot, entry: { owner: third, age: 9, confirmed: false } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0, confirmed: true },
    },
    {
      it: 'a settled slot needs none',
      ...{ vip, frame: tcp('A'), slot: { current: first, previous: SETTLED } },
      ...{ verdict: 'tx_settled', to: first },
    },
  ])('$it', checkCarrying);
});
