// SPDX-License-Identifier: Apache-2.0
// Settled slots: to the owner, no flow looked up, none remembered.
import { expect, test } from 'vitest';
import { internetChecksum, unsigned } from './bytes.ts';
import { CLIENT, owner, SETTLED, vips } from './distributors.ts';
import { slotOf } from './datapath-under-test.ts';
import { check } from './fixture.ts';
import type { Frame } from './frame.ts';
import { ethernet, ipv4, ipv6, payload } from './packet-builder.ts';
import { variations, type PacketRecord } from './packet-record.ts';

const { plain, byPort } = vips;
const toVip4 = ipv4({ from: CLIENT.v4, to: plain.v4.key.address });
const toVip6 = ipv6({ from: CLIENT.v6, to: plain.v6.key.address });
const GRE = 47;
const OSPF = 89;

test.each<PacketRecord>([
  ...variations(['A', 'PA', 'FA', 'R', 'RA', 'SA', 'SR'], (flags) => ({
    it: `IPv4 TCP ${flags}`,
    vip: plain.v4,
    frame: toVip4.tcp({ flags, from: 1234, to: 80, payload: payload(5) }),
    verdict: 'tx_settled',
  })),
  ...variations(['A', 'PA', 'FA', 'R', 'RA', 'SA', 'SR'], (flags) => ({
    it: `IPv6 TCP ${flags}`,
    vip: plain.v6,
    frame: toVip6.tcp({ flags, from: 1234, to: 80, payload: payload(5) }),
    verdict: 'tx_settled',
  })),
  ...variations(['S', 'SP', 'SF'], (flags) => ({
    it: `IPv4 TCP ${flags} is a new flow`,
    vip: plain.v4,
    frame: toVip4.tcp({ flags, from: 1234, to: 80 }),
    verdict: 'tx_settled',
    newFlow: true,
  })),
  {
    it: 'IPv6 TCP S is a new flow',
    vip: plain.v6,
    frame: toVip6.tcp({ flags: 'S', from: 1234, to: 80 }),
    verdict: 'tx_settled',
    newFlow: true,
  },
  {
    it: 'IPv4 UDP',
    vip: plain.v4,
    frame: toVip4.udp({ from: 53, to: 53, payload: payload(33) }),
    verdict: 'tx_settled',
  },
  {
    it: 'IPv6 UDP',
    vip: plain.v6,
    frame: toVip6.udp({ from: 53, to: 53, payload: payload(33) }),
    verdict: 'tx_settled',
  },
  {
    it: 'a large IPv4 frame',
    vip: plain.v4,
    frame: toVip4.udp({ from: 53, to: 53, payload: payload(1472) }),
    verdict: 'tx_settled',
  },
  ...variations([GRE, OSPF], (protocol) => ({
    it: `IPv4 protocol ${protocol}, which has no ports here`,
    vip: plain.v4,
    frame: toVip4.protocol(protocol, payload(20)),
    verdict: 'tx_settled',
  })),
  ...variations([GRE, OSPF], (protocol) => ({
    it: `IPv6 next header ${protocol}, which has no ports here`,
    vip: plain.v6,
    frame: toVip6.protocol(protocol, payload(24)),
    verdict: 'tx_settled',
  })),
  {
    it: 'an unknown protocol without any payload',
    vip: plain.v4,
    frame: toVip4.protocol(GRE, payload(0)),
    verdict: 'tx_settled',
  },
  ...variations([4, 8, 40], (length) => ({
    it: `${length} bytes of IPv4 options`,
    vip: plain.v4,
    frame: ipv4({
      from: CLIENT.v4,
      to: plain.v4.key.address,
      options: payload(length),
    }).tcp({ flags: 'A', from: 1234, to: 80 }),
    verdict: 'tx_settled',
  })),
  {
    it: 'an entry of the flow, which a settled slot does not ask for',
    vip: plain.v4,
    frame: toVip4.tcp({ flags: 'A', from: 1234, to: 80 }),
    entry: { owner: owner.third, age: 5 },
    verdict: 'tx_settled',
    entryAfter: { owner: owner.third, age: 5 },
  },
  ...variations([owner.first, owner.second, owner.third, owner.fourth], (current) => ({
    it: `the amphora of owner ${current}`,
    vip: plain.v4,
    frame: toVip4.tcp({ flags: 'A', from: 1234, to: 80 }),
    slot: { current, previous: SETTLED },
    verdict: 'tx_settled',
    to: current,
  })),
  {
    it: 'no owner',
    vip: plain.v4,
    frame: toVip4.tcp({ flags: 'S', from: 1234, to: 80 }),
    slot: { current: owner.none, previous: SETTLED },
    verdict: 'drop_no_amphora',
  },
  {
    it: 'an owner without an amphora',
    vip: plain.v6,
    frame: toVip6.tcp({ flags: 'S', from: 1234, to: 80 }),
    slot: { current: owner.vacant, previous: SETTLED },
    verdict: 'drop_no_amphora',
  },
])('settled slot: $it', check);

/** TTL and hop limit: RFC 791, section 3.2; RFC 8200, section 3. */
test.each<PacketRecord>([
  ...variations([0, 1], (ttl) => ({
    it: `TTL ${ttl} expires`,
    vip: plain.v4,
    frame: ipv4({ from: CLIENT.v4, to: plain.v4.key.address, ttl }).udp({ from: 1, to: 2 }),
    verdict: 'drop_ttl_expired',
  })),
  ...variations([0, 1], (hopLimit) => ({
    it: `hop limit ${hopLimit} expires`,
    vip: plain.v6,
    frame: ipv6({ from: CLIENT.v6, to: plain.v6.key.address, hopLimit }).udp({ from: 1, to: 2 }),
    verdict: 'drop_ttl_expired',
  })),
  ...variations([2, 3, 128, 255], (ttl) => ({
    it: `TTL ${ttl} is one less afterwards`,
    vip: plain.v4,
    frame: ipv4({ from: CLIENT.v4, to: plain.v4.key.address, ttl }).udp({ from: 1, to: 2 }),
    verdict: 'tx_settled',
  })),
  ...variations([2, 3, 128, 255], (hopLimit) => ({
    it: `hop limit ${hopLimit} is one less afterwards`,
    vip: plain.v6,
    frame: ipv6({ from: CLIENT.v6, to: plain.v6.key.address, hopLimit }).udp({ from: 1, to: 2 }),
    verdict: 'tx_settled',
  })),
  ...variations([0x0000, 0xfe00, 0xfeff, 0xff00, 0xff01, 0xfffe], (checksum) => ({
    it: `IPv4 header checksum 0x${checksum.toString(16).padStart(4, '0')} stays right`,
    vip: plain.v4,
    frame: withHeaderChecksum(checksum),
    verdict: 'tx_settled',
  })),
])('$it', check);

/** The sum carries over at some values (RFC 1624); an id is free to bring one about. */
function withHeaderChecksum(checksum: number): Frame {
  const addresses = { from: CLIENT.v4, to: plain.v4.key.address };
  const ofId = (id: number) => ipv4({ ...addresses, id }).udp({ from: 1, to: 2 });
  // Ones' complement: the id that is missing is the checksum with id 0 less the one wanted.
  const [high = 0, low = 0] = ofId(0).packet.slice(10);
  const id = ~internetChecksum(new Uint8Array([high, low, ...unsigned(2, ~checksum)])) & 0xffff;
  return ofId(id);
}

test.each<PacketRecord>([
  ...variations([1, 2, 3, 4, 5, 6, 7, 8], (port) => ({
    it: `by port: IPv4 port ${port} has a slot of its own`,
    vip: byPort.v4,
    frame: ipv4({ from: CLIENT.v4, to: byPort.v4.key.address }).udp({ from: port, to: 80 }),
    verdict: 'tx_settled',
  })),
  ...variations([1, 2, 3, 4, 5, 6, 7, 8], (port) => ({
    it: `by port: IPv6 port ${port} has a slot of its own`,
    vip: byPort.v6,
    frame: ipv6({ from: CLIENT.v6, to: byPort.v6.key.address }).tcp({
      flags: 'S',
      from: port,
      to: 80,
    }),
    verdict: 'tx_settled',
    newFlow: true,
  })),
  ...variations([GRE, OSPF], (protocol) => ({
    it: `by port: protocol ${protocol} has none and goes by source IP`,
    vip: byPort.v4,
    frame: ipv4({ from: CLIENT.v4, to: byPort.v4.key.address }).protocol(protocol, payload(20)),
    verdict: 'tx_settled',
  })),
  ...variations(['198.51.100.8', '198.51.100.9', '10.0.0.1', '255.255.255.254'], (from) => ({
    it: `by source IP: ${from}`,
    vip: plain.v4,
    frame: ipv4({ from, to: plain.v4.key.address }).udp({ from: 1, to: 80 }),
    verdict: 'tx_settled',
  })),
  {
    it: 'an IPv4 and an IPv6 address of the same low bits are two clients',
    vip: plain.v6,
    frame: ipv6({ from: '::c633:6407', to: plain.v6.key.address }).udp({ from: 1, to: 80 }),
    verdict: 'tx_settled',
  },
])('affinity $it', check);

test('the ports of one client spread over the slots of a distributor that goes by port', () => {
  const ports = Array.from({ length: 100 }, (_, index) => 1024 + index);
  const slots = ports.map((port) => {
    const { flow } = ipv4({ from: CLIENT.v4, to: byPort.v4.key.address }).udp({
      from: port,
      to: 80,
    }).layout;
    return flow === null ? -1 : slotOf(byPort.v4.distributor, flow);
  });
  expect(new Set(slots).size).toBeGreaterThan(30);
});

/** Ethernet pads short frames to 60 bytes; the padding is no traffic. */
test.each<PacketRecord>([
  {
    it: 'TCP of 54 bytes',
    vip: plain.v4,
    frame: toVip4.tcp({ flags: 'A', from: 1234, to: 80 }).paddedTo(60),
    verdict: 'tx_settled',
  },
  {
    it: 'UDP of 42 bytes',
    vip: plain.v4,
    frame: toVip4.udp({ from: 1, to: 2 }).paddedTo(60),
    verdict: 'tx_settled',
  },
  {
    it: 'UDP of 46 bytes with a tag',
    vip: vips.vlan100.v4,
    frame: ethernet()
      .vlan(100)
      .ipv4({ from: CLIENT.v4, to: plain.v4.key.address })
      .udp({ from: 1, to: 2 })
      .paddedTo(60),
    verdict: 'tx_settled',
  },
])('padding is not counted: $it', check);
