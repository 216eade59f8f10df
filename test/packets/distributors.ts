// SPDX-License-Identifier: Apache-2.0
// The distributors that every packet meets, all on one port.
import type { NativeVipKey } from '../../src/datapath/native.ts';

export const PORT_MAC = '02:00:00:00:00:fe';
export const ROUTER_MAC = '02:00:00:00:00:01';

export const CLIENT = { v4: '198.51.100.7', v6: '2001:db8:c::7' } as const;

/** What the program sees as the port of a test run without one. */
const PORT = 1;
const OTHER_PORT = 2;

export const TABLE_SIZE = 64;
/** Positions of a distributor; the first four have an amphora. */
export const POSITIONS = 8;
const AMPHORAE = 4;

/** Who may own a slot: positions + 1, and the special values. */
export const owner = {
  none: 0,
  first: 1,
  second: 2,
  third: 3,
  fourth: AMPHORAE,
  /** A position whose amphora has left. */
  vacant: AMPHORAE + 1,
  gone: 0xffff,
} as const;

/** What `previous` is in a settled slot. */
export const SETTLED = 0;

/** Of every position; the amphora before had the one before. */
export const GENERATION = 3;

export const TCP_IDLE = 900;
export const OTHER_IDLE = 120;

export type Affinity = 'source-ip' | 'source-ip-and-port';
export type Tracking = 'adaptive' | 'full' | 'stateless';

export interface Distributor {
  readonly name: string;
  readonly affinity: Affinity;
  readonly tracking: Tracking;
  readonly seed: bigint;
  readonly slotBase: number;
  readonly positionBase: number;
}

export interface Vip {
  readonly name: string;
  readonly distributor: Distributor;
  readonly key: NativeVipKey;
  /** Index into the VIP counters. */
  readonly counters: number;
}

interface Description {
  readonly affinity?: Affinity;
  readonly tracking?: Tracking;
  readonly ifindex?: number;
  readonly vlans?: readonly [outer: number, inner: number];
  /** The last part of both addresses. */
  readonly host: number;
}

const all: Vip[] = [];
let distributors = 0;

function describe(name: string, description: Description): { readonly v4: Vip; readonly v6: Vip } {
  const { affinity = 'source-ip', tracking = 'adaptive', host } = description;
  const { ifindex = PORT, vlans = [0, 0] } = description;
  const index = distributors++;
  const distributor: Distributor = {
    ...{ name, affinity, tracking },
    seed: 0x1234_5678_9abc_def0n * BigInt(index + 1),
    slotBase: index * TABLE_SIZE,
    positionBase: index * POSITIONS,
  };
  const vip = (address: string): Vip => {
    const key = { ifindex, outerVlan: vlans[0], innerVlan: vlans[1], address };
    const added = { name: `${name} ${address}`, distributor, key, counters: all.length + 1 };
    all.push(added);
    return added;
  };
  return { v4: vip(`192.0.2.${host}`), v6: vip(`2001:db8::${host}`) };
}

/** By source IP, adaptive and untagged, unless the name says otherwise. */
export const vips = {
  plain: describe('plain', { host: 10 }),
  byPort: describe('by port', { host: 11, affinity: 'source-ip-and-port' }),
  full: describe('full', { host: 12, tracking: 'full' }),
  stateless: describe('stateless', { host: 13, tracking: 'stateless' }),
  statelessByPort: describe('stateless by port', {
    host: 14,
    tracking: 'stateless',
    affinity: 'source-ip-and-port',
  }),
  /** The addresses of `plain`, on two other attachments. */
  vlan100: describe('VLAN 100', { host: 10, vlans: [100, 0] }),
  qinq: describe('VLAN 100.200', { host: 10, vlans: [100, 200] }),
  /** On a port that no packet here arrives by. */
  elsewhere: describe('other port', { host: 15, ifindex: OTHER_PORT }),
} as const;

export const allVips: readonly Vip[] = all;
export const allDistributors: readonly Distributor[] = [
  ...new Set(all.map((vip) => vip.distributor)),
];

/** Says whose it is: the distributor's number, then the owner's. */
export function amphoraMac({ positionBase }: Distributor, ownerOfSlot: number): string {
  const octet = (value: number) => value.toString(16).padStart(2, '0');
  return `02:aa:00:00:${octet(positionBase / POSITIONS)}:${octet(ownerOfSlot)}`;
}

/** Owns a slot that no record has put otherwise. */
export function usualOwner(slot: number): number {
  return 1 + (slot % AMPHORAE);
}

export function hasAmphora(position: number): boolean {
  return position < AMPHORAE;
}
