// SPDX-License-Identifier: Apache-2.0
import { run } from './namespaces.ts';
import type { TestBed } from './test-bed.ts';
import { FRONT_END_PORT } from './topology.ts';
import { waitUntil } from './wait-until.ts';

/** Gratuitous ARP requests, and neighbour advertisements to all nodes. */
const ANNOUNCEMENT = '(arp and arp[14:4] = arp[24:4]) or (icmp6 and ip6[40] = 136 and dst ff02::1)';
const SECONDS = '10';

/** The first `count` announcements that `act` makes anyone send, as tcpdump prints them. */
export async function announcementsOf(
  bed: TestBed,
  count: number,
  act: () => Promise<unknown>,
): Promise<string[]> {
  const { router } = bed.namespaces;
  const capture = run(router, [
    ...['timeout', SECONDS, 'tcpdump', '-lnei', FRONT_END_PORT, '-c', count.toString()],
    ANNOUNCEMENT,
  ]);
  const listening = waitUntil('tcpdump to listen', async () => {
    const [, ...sockets] = (await run(router, ['cat', '/proc/net/packet'])).trim().split('\n');
    return sockets.length > 0;
  });
  const [output] = await Promise.all([capture, listening.then(act)]);
  return output.trim().split('\n');
}
