// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { run } from './namespaces.ts';
import type { TestBed } from './test-bed.ts';
import { ECHO_PORT } from './topology.ts';

const FLOOD = join(import.meta.dirname, '../../build/flood');
/** The bridge's end of the distributor's cable. */
const PORT = 'distributor';

export interface Flood {
  /**
   * `pairs` are a SYN and an ACK of the same client; `fragments` are first ones, of datagrams whose
   * others never come.
   */
  readonly kind: 'syn' | 'ack' | 'pairs' | 'udp' | 'fragments';
  readonly packets: number;
  /** Another seed, other clients. */
  readonly seed: number;
}

/**
 * Sends the bed's IPv4 VIP packets of clients that do not exist, and resolves when all are sent. A few
 * of a thousand are lost before they reach the distributor.
 */
export async function flood(bed: TestBed, { kind, packets, seed }: Flood): Promise<void> {
  const target = [bed.vip.ipv4, bed.distributor.mac, ECHO_PORT.toString()];
  const amount = [packets.toString(), seed.toString()];
  await run(bed.namespaces.bridge, [FLOOD, PORT, kind, ...target, ...amount]);
}
