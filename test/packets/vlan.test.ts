// SPDX-License-Identifier: Apache-2.0
// The same addresses untagged, on VLAN 100 and on VLAN 100.200 are three distributors: the
// expected MAC and counters say whose, and none ever gets another's packet.
import { describe, test } from 'vitest';
import { CLIENT, owner, vips } from './distributors.ts';
import { check } from './fixture.ts';
import { ethernet } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { plain, vlan100, qinq } = vips;
const SERVICE_TAG = { type: 0x88a8 };
const syn = { flags: 'S', from: 1234, to: 80 };
const { first, second } = owner;

/** The same packet, behind different tags. */
const behind = (header: ReturnType<typeof ethernet>) => ({
  v4: header.ipv4({ from: CLIENT.v4, to: plain.v4.key.address }).tcp(syn),
  v6: header.ipv6({ from: CLIENT.v6, to: plain.v6.key.address }).tcp(syn),
});

const attachments = [
  { tags: 'no tag', vip: plain, header: ethernet() },
  { tags: 'priority tag', vip: plain, header: ethernet().vlan(0, { priority: 7 }) },
  { tags: 'priority tag of 802.1ad', vip: plain, header: ethernet().vlan(0, SERVICE_TAG) },
  { tags: 'two priority tags', vip: plain, header: ethernet().vlan(0).vlan(0) },
  { tags: '100', vip: vlan100, header: ethernet().vlan(100) },
  { tags: '100 with a priority', vip: vlan100, header: ethernet().vlan(100, { priority: 3 }) },
  { tags: '100 of 802.1ad', vip: vlan100, header: ethernet().vlan(100, SERVICE_TAG) },
  {
    tags: '100 and a priority tag inside',
    vip: vlan100,
    header: ethernet().vlan(100).vlan(0, { priority: 3 }),
  },
  { tags: 'a priority tag and 100', vip: vlan100, header: ethernet().vlan(0).vlan(100) },
  {
    tags: 'a priority tag of 802.1ad and 100',
    vip: vlan100,
    header: ethernet()
      .vlan(0, { ...SERVICE_TAG, priority: 5 })
      .vlan(100, { priority: 3 }),
  },
  { tags: '100.200', vip: qinq, header: ethernet().vlan(100, SERVICE_TAG).vlan(200) },
  { tags: '100.200, both 802.1Q', vip: qinq, header: ethernet().vlan(100).vlan(200) },
] as const;

describe.each(['v4', 'v6'] as const)('IP%s', (family) => {
  test.each<PacketRecord>([
    ...variations(attachments, ({ tags, vip, header }): PacketRecord => ({
      it: `${tags}: settled`,
      ...{ vip: vip[family], frame: behind(header)[family] },
      ...{ verdict: 'tx_settled', newFlow: true },
    })),
    ...variations(attachments, ({ tags, vip, header }): PacketRecord => ({
      it: `${tags}: pinned`,
      ...{ vip: vip[family], frame: behind(header)[family] },
      slot: { current: first, previous: second },
      entry: { owner: second, age: 3 },
      ...{ verdict: 'tx_pinned', to: second, movesClock: true },
      entryAfter: { owner: second, age: 0 },
    })),
    ...variations([1, 101, 200, 4094], (id): PacketRecord => ({
      it: `VLAN ${id} has no VIP`,
      ...{ vip: null, frame: behind(ethernet().vlan(id))[family] },
      verdict: 'pass_not_vip',
    })),
    ...variations(
      [
        [100, 201],
        [200, 100],
        [101, 200],
        [0, 101],
        [0, 200],
      ] as const,
      ([outer, inner]): PacketRecord => ({
        it: `VLAN ${outer}.${inner} has no VIP`,
        ...{ vip: null, frame: behind(ethernet().vlan(outer).vlan(inner))[family] },
        verdict: 'pass_not_vip',
      }),
    ),
    ...variations([100, 0], (inner): PacketRecord => ({
      it: `a third tag behind 0.${inner} is no IP`,
      ...{ vip: null, frame: behind(ethernet().vlan(0).vlan(inner).vlan(100))[family] },
      verdict: 'pass_not_vip',
    })),
    {
      it: 'a third tag is no IP',
      ...{ vip: null, frame: behind(ethernet().vlan(100).vlan(200).vlan(300))[family] },
      verdict: 'pass_not_vip',
    },
    ...variations([15, 17, 19, 21], (length): PacketRecord => ({
      it: `a frame of ${length} bytes that ends in its tags`,
      vip: null,
      frame: behind(ethernet().vlan(100).vlan(200))[family].truncatedTo(length),
      verdict: 'pass_not_vip',
    })),
    {
      it: 'a tagged frame for another station',
      vip: vlan100[family],
      frame: behind(ethernet({ to: '02:00:00:00:00:99' }).vlan(100))[family],
      verdict: 'pass_other_mac',
    },
  ])('$it', check);
});
