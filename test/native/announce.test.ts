// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ALL_NODES, ALL_NODES_MAC, BROADCAST_MAC } from '../packets/addresses.ts';
import { ethernet, NO_MAC } from '../packets/packet-builder.ts';
import { AddonInNamespace } from './addon-in-namespace.ts';
import { layCable, removeCable, type Cable } from './cable.ts';
import { captureFrom } from './capture.ts';

const MAC = '02:40:00:00:00:07';
const IPV4 = '10.30.0.100';
const IPV6 = 'fd00:30::100';

let cable: Cable;
let addon: AddonInNamespace;
beforeAll(async () => {
  cable = await layCable();
  addon = new AddonInNamespace(cable.near.namespace);
});
afterAll(async () => {
  await addon.kill();
  await removeCable(cable);
});

type Header = ReturnType<typeof ethernet>;
const gratuitousArp = (header: Header) =>
  header.arp({
    operation: 'request',
    sender: { mac: MAC, ip: IPV4 },
    target: { mac: NO_MAC, ip: IPV4 },
  });
const unsolicitedAdvertisement = (header: Header) =>
  header
    .ipv6({ from: IPV6, to: ALL_NODES, hopLimit: 255 })
    .advertise({ target: IPV6, mac: MAC, solicited: false, override: true });
const toAll = ethernet({ to: BROADCAST_MAC, from: MAC });
const toAllNodes = ethernet({ to: ALL_NODES_MAC, from: MAC });
const serviceTag = { type: 0x88a8 };

test.each([
  { tags: 'no tag', outerVlan: 0, innerVlan: 0, tagged: (header: Header) => header },
  { tags: 'a tag', outerVlan: 100, innerVlan: 0, tagged: (header: Header) => header.vlan(100) },
  {
    tags: 'two tags',
    outerVlan: 100,
    innerVlan: 4094,
    tagged: (header: Header) => header.vlan(100, serviceTag).vlan(4094),
  },
])('announces with $tags', async ({ outerVlan, innerVlan, tagged }) => {
  const announce = (address: string) =>
    addon.call('addon', 'announce', {
      ...{ ifindex: cable.near.ifindex, outerVlan, innerVlan, address, mac: MAC },
    });
  const arp = await captureFrom(cable.far, MAC, () => announce(IPV4));
  expect(arp.toString('hex')).toBe(hex(gratuitousArp(tagged(toAll)).bytes));
  const advertisement = await captureFrom(cable.far, MAC, () => announce(IPV6));
  expect(advertisement.toString('hex')).toBe(
    hex(unsolicitedAdvertisement(tagged(toAllNodes)).bytes),
  );
});

test('throws ENXIO without such a port', async () => {
  const nowhere = { ifindex: 4_000_000, outerVlan: 0, innerVlan: 0, address: IPV4, mac: MAC };
  await expect(addon.call('addon', 'announce', nowhere)).rejects.toMatchObject({
    code: 'ENXIO',
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
