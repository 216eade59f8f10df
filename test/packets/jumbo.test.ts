// SPDX-License-Identifier: Apache-2.0
// Frames that lie in several buffers: the program sees the first of them, and the length of all.
import { describe, test } from 'vitest';
import { groupMac, solicitedNode } from './addresses.ts';
import { owner, PORT_MAC, ROUTER_MAC, vips } from './distributors.ts';
import { destinationOptions } from './extension-headers.ts';
import { check } from './fixture.ts';
import { ethernet, fromVip, payload, toVip } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { first, second, third } = owner;
const unsettled = { current: first, previous: second };
const LARGE = payload(8900);

describe.each(['v4', 'v6'] as const)('IP%s', (family) => {
  const vip = vips.plain[family];
  const byPort = vips.byPort[family];
  const udp = { from: 1234, to: 53, payload: LARGE };
  const error = { type: { v4: 3, v6: 1 }[family] };
  test.each<PacketRecord>([
    ...variations([4000, 4096, 6000, 8900], (length): PacketRecord => ({
      it: `UDP with ${length} bytes`,
      vip,
      frame: toVip(vip).udp({ ...udp, payload: payload(length) }),
      verdict: 'tx_settled',
    })),
    {
      it: 'pinned',
      vip,
      frame: toVip(vip).tcp({ flags: 'A', from: 1234, to: 80, payload: LARGE }),
      ...{ slot: unsettled, entry: { owner: third, age: 9 } },
      ...{ verdict: 'tx_pinned', to: third, movesClock: true },
      entryAfter: { owner: third, age: 0 },
    },
    {
      it: 'a first fragment',
      vip: byPort,
      frame: toVip(byPort, { fragment: { offset: 0, length: 8800 } }).udp(udp),
      ...{ verdict: 'tx_settled', datagramAfter: { age: 0 } },
    },
    {
      it: 'an ICMP error with all of what it is about',
      vip,
      frame: toVip(vip).icmpError({
        ...{ ...error, about: fromVip(vip).tcp({ flags: 'A', from: 80, to: 9, payload: LARGE }) },
      }),
      verdict: 'tx_icmp_error',
    },
    {
      it: 'cut off in its second buffer',
      ...{ vip, frame: toVip(vip).udp(udp).truncatedTo(8000), verdict: 'drop_truncated' },
    },
    {
      it: 'with padding',
      ...{ vip, frame: toVip(vip).udp({ from: 1, to: 2 }).paddedTo(8000), verdict: 'tx_settled' },
    },
  ])('$it', check);
});

describe('what is answered', () => {
  const { v6: vip } = vips.plain;
  const target = vip.key.address;
  const group = solicitedNode(target);
  test.each<PacketRecord>([
    {
      it: 'a solicitation in a frame of several buffers gets an answer of the usual length',
      vip,
      frame: ethernet({ to: groupMac(group) })
        .ipv6({ from: '2001:db8::1', to: group, hopLimit: 255 })
        .solicit({ target, sourceMac: ROUTER_MAC })
        .paddedTo(8000),
      verdict: 'tx_neighbour_advertisement',
      answer: ethernet({ from: PORT_MAC, to: ROUTER_MAC })
        .ipv6({ from: target, to: '2001:db8::1', hopLimit: 255 })
        .advertise({ target, mac: PORT_MAC, solicited: true, override: true }),
    },
    {
      it: 'extension headers up to the second buffer are more than the program can see',
      vip,
      frame: toVip(vip, {
        extensions: Array.from({ length: 4 }, () => destinationOptions({ length: 2048 })),
      }).tcp({ flags: 'A', from: 1234, to: 80 }),
      verdict: 'drop_truncated',
    },
  ])('$it', check);
});
