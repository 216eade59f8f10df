// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { run } from '../support/namespaces.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { addressOf, clientAddress, CLIENT_LINK, GATEWAY_LINK, VIP } from '../support/topology.ts';
import { traceroute } from '../support/traceroute.ts';

const families = [4, 6] as const;
const sizes = [56, 8000] as const;
const probes = ['udp', 'icmp'] as const;

let bed: TestBed;
let daemon: DaemonProcess;

beforeAll(async () => {
  // With the gateway there are two hops before the distributor; its link is as wide as all others.
  bed = await createTestBed({ amphorae: 2, pathMtu: 1500 });
  daemon = await DaemonProcess.start(bed);
});
afterAll(() => bed.remove());

describe.each(['SOURCE_IP', 'SOURCE_IP_AND_PORT'] as const)('with affinity %s', (persistence) => {
  let distributor: TestDistributor;
  beforeAll(async () => {
    distributor = await TestDistributor.create(bed, daemon, { persistence });
  });
  afterAll(() => distributor.delete());

  describe.each(families)('IPv%i', (family) => {
    const to = addressOf(family, VIP);

    test.each(sizes)('ping with %i bytes', async (size) => {
      for (const client of [1, 2, 3]) {
        const from = clientAddress(family, client);
        const output = await run(bed.namespaces.client, [
          ...['ping', '-n', '-c', '3', '-i', '0.1', '-W', '2', '-s', size.toString()],
          ...['-I', from, to],
        ]);
        expect(output).toContain('3 received, 0% packet loss');
        expect(output).toContain(`${size + 8} bytes from ${to}`);
      }
    });

    test.each(probes)('traceroute with %s', async (probe) => {
      const before = await distributor.count(family, 'drop_ttl_expired');
      const from = clientAddress(family, probes.indexOf(probe) + 10);
      const hops = await traceroute(bed.namespaces.client, { family, probe, from, to });
      const [gateway, router] = [CLIENT_LINK, GATEWAY_LINK].map(({ far }) =>
        addressOf(family, far),
      );
      expect(hops).toEqual([gateway, router, null, to]);
      expect(await distributor.count(family, 'drop_ttl_expired')).toBe(before + 2);
    });
  });

  test('ping is answered while slots are unsettled', async () => {
    await distributor.drain(bed.amphora(1));
    for (const family of families)
      for (const size of sizes) {
        const to = addressOf(family, VIP);
        const output = await run(bed.namespaces.client, [
          ...['ping', '-n', '-c', '5', '-i', '0.1', '-W', '2', '-s', size.toString()],
          ...['-I', clientAddress(family, 20), to],
        ]);
        expect(output).toContain('5 received, 0% packet loss');
      }
  });
});
