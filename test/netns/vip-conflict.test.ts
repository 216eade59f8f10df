// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { AddonInNamespace } from '../native/addon-in-namespace.ts';
import { link } from '../native/cable.ts';
import { announcementsOf } from '../support/announcements.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { run } from '../support/namespaces.ts';
import { neighbourMac } from '../support/neighbours.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';
import { addressOf, FRONT_END_PORT, type Family } from '../support/topology.ts';
import { waitUntil } from '../support/wait-until.ts';

const connections = 20;
/** Between messages: few of them pass in the moment between a claim and the answer to it. */
const intervalMs = 1000;
/** From one claim of a thief's to the next. */
const claimsEveryMs = 100;
/** A VIP is defended at once, but not twice in this time. */
const defendedEveryMs = 1000;

let bed: TestBed;
let daemon: DaemonProcess;
let distributor: TestDistributor;
let thief: AddonInNamespace;
let thiefsPort: number;
const lastClaim = { 4: -Infinity, 6: -Infinity };

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 2 });
  daemon = await DaemonProcess.start(bed);
  // Its own announcements, three a second apart, would make good what a thief does to them.
  await announcementsOf(bed, 6, async () => {
    distributor = await TestDistributor.create(bed, daemon);
  });
  const { namespace } = bed.amphora(1);
  thief = new AddonInNamespace(namespace);
  thiefsPort = (await link(namespace, FRONT_END_PORT)).ifindex;
});
afterAll(() => bed.remove());
afterEach(() => bed.clients.forget({}));

async function claim(family: Family, times: number): Promise<void> {
  const address = addressOf(family, bed.vip);
  const { mac } = bed.amphora(1);
  const untagged = { outerVlan: 0, innerVlan: 0 };
  for (let left = times; left > 0; left--) {
    await thief.call('addon', 'announce', { ifindex: thiefsPort, ...untagged, address, mac });
    lastClaim[family] = performance.now();
    if (left > 1) await delay(claimsEveryMs);
  }
}

/** Claims that have arrived: until then, nothing says that the router has heard them either. */
async function claimsSeen(family: Family): Promise<number> {
  const [defended, passed] = await Promise.all([
    distributor.count(family, 'tx_vip_defended'),
    distributor.count(family, 'pass_vip_claimed'),
  ]);
  return defended + passed;
}

const received = async (family: Family): Promise<number> =>
  Object.values(await distributor.verdicts(family)).reduce((sum, count) => sum + count, 0);

test.each([
  { family: 4, times: 1 },
  { family: 6, times: 1 },
  { family: 4, times: 5 },
  { family: 6, times: 5 },
] as const)(
  'IPv$family: an amphora that claims the VIP, $times in a row, gets none of its traffic two seconds later',
  async ({ family, times }) => {
    await waitUntil(
      'the VIP to be one that may be defended',
      () => performance.now() - lastClaim[family] > defendedEveryMs,
    );
    const opened = await bed.clients.openConnections({ family, count: connections, intervalMs });
    expect(new Set(opened.map(({ amphora }) => amphora)).size).toBe(2);
    const seenBefore = await claimsSeen(family);
    const defendedBefore = await distributor.count(family, 'tx_vip_defended');

    await claim(family, times);
    await waitUntil(
      'the claims to arrive',
      async () => (await claimsSeen(family)) >= seenBefore + times,
    );
    const { router } = bed.namespaces;
    await waitUntil(
      'the router to send to the distributor again',
      async () => (await neighbourMac(router, addressOf(family, bed.vip))) === bed.distributor.mac,
      { deadlineMs: 2000 },
    );
    expect(await distributor.count(family, 'tx_vip_defended')).toBeGreaterThan(defendedBefore);

    // Against more claims within a second the router is right again after it, and not before:
    // what clients sent meanwhile went to the thief.
    if (times === 1) {
      const broken = (await bed.clients.waitForExchange()).filter(({ alive }) => !alive);
      expect(broken).toEqual([]);
    }

    const clients = Array.from({ length: 50 }, (_, client) => 1000 + client);
    const before = await received(family);
    const answers = await bed.clients.probe({ family, clients });
    expect(answers.filter(({ amphora }) => amphora === null)).toEqual([]);
    // SYN, ACK, request, and the end, of each.
    expect((await received(family)) - before).toBeGreaterThanOrEqual(4 * clients.length);

    const { mac } = bed.amphora(1);
    const { conditions } = await distributor.status();
    const conflicts = conditions.filter(({ type }) => type === 'VIP_CONFLICT');
    const address = addressOf(family, bed.vip);
    expect(conflicts.filter(({ message }) => message.includes(address))).toHaveLength(1);
    for (const { message } of conflicts) expect(message).toContain(mac);
    // Said when it begins, not again for every claim.
    const events = daemon.log
      .split('\n')
      .filter((line) => line.includes('"vip-conflict"') && line.includes(`"${address}"`));
    expect(events).toHaveLength(1);
    expect(events[0]).toContain(mac);
  },
);

test('IPv6: an amphora that solicits from the VIP does not get its traffic', async () => {
  const { namespace } = bed.amphora(1);
  const { ipv6 } = bed.vip;
  // The daemon may have answered the last of several claims a second after the data path did.
  await waitUntil(
    'the VIP to be one that may be defended',
    () => performance.now() - lastClaim[6] > 3 * defendedEveryMs,
  );
  const seenBefore = await claimsSeen(6);
  // With the VIP on its port it asks for the router in the VIP's name, once it has forgotten it.
  await run(namespace, ['ip', 'address', 'add', `${ipv6}/128`, 'dev', FRONT_END_PORT, 'nodad']);
  await run(namespace, ['ip', '-6', 'neigh', 'flush', 'dev', FRONT_END_PORT]);
  await run(namespace, ['ping', '-c1', '-W5', '-I', ipv6, bed.router.ipv6]).catch(() => null);
  await waitUntil('its solicitation to arrive', async () => (await claimsSeen(6)) > seenBefore);
  await waitUntil(
    'the router to send to the distributor',
    async () => (await neighbourMac(bed.namespaces.router, ipv6)) === bed.distributor.mac,
    { deadlineMs: 2000 },
  );
  // It may have asked more than once within the second.
  expect(await distributor.count(6, 'tx_vip_defended')).toBeGreaterThan(0);
});
