// SPDX-License-Identifier: Apache-2.0

/**
 * The boxes of the test bed and their addresses:
 *
 *     client ── router ── bridge ─┬─ distributor
 *                                 ├─ amphora-1
 *                                 └─ amphora-2 …
 *
 * The front-end network is a bridge, as a tenant's network is to Octavia. The clients are behind the
 * router, and amphorae answer them through it, past the distributor (direct server return). A bed with
 * a path MTU has one more box, the gateway, between client and router.
 */
export type Family = 4 | 6;

export interface DualAddress {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** A port on the front-end network. */
export interface FrontEndPort extends DualAddress {
  readonly mac: string;
}

/** A port of the distributor's box. */
export interface DistributorPort {
  readonly name: string;
  readonly mac: string;
  /** The box's own on this network; null: it has none, as in a tenant's network that it only serves. */
  readonly address: DualAddress | null;
}

export interface AmphoraPort extends FrontEndPort {
  /** From 1. */
  readonly id: number;
  /** `amphora-<id>`, after the tenant's name if it has one; also what its services answer. */
  readonly name: string;
}

/** The name of every box's port on the front-end network. */
export const FRONT_END_PORT = 'fe0';

export const VIP: DualAddress = { ipv4: '10.20.0.100', ipv6: 'fd00:20::100' };
export const ECHO_PORT = 7;
export const UDP_ECHO_PORT = 9;
export const HTTP_PORT = 80;

export const ROUTER: FrontEndPort = {
  ipv4: '10.20.0.1',
  ipv6: 'fd00:20::1',
  mac: '02:20:00:00:00:01',
};
export const DISTRIBUTOR: DistributorPort = {
  name: FRONT_END_PORT,
  mac: '02:20:00:00:00:02',
  address: { ipv4: '10.20.0.2', ipv6: 'fd00:20::2' },
};
/** The distributor's port in the network of a second tenant. */
export const SECOND_PORT: DistributorPort = {
  name: 'fe1',
  mac: '02:20:00:00:00:03',
  address: null,
};

/** The addresses of all clients, any of which a process in the client's namespace may use. */
export const CLIENT_PREFIX: DualAddress = { ipv4: '198.18.0.0/16', ipv6: 'fd00:198::/64' };
export const MAX_CLIENT = 0xffff;

/** A link between two boxes: the end on the clients' side, and the one on the amphorae's. */
export interface Link {
  readonly near: DualAddress;
  readonly far: DualAddress;
}

/** Between the clients' box and the first one that forwards. */
export const CLIENT_LINK: Link = {
  near: { ipv4: '10.21.0.2', ipv6: 'fd00:21::2' },
  far: { ipv4: '10.21.0.1', ipv6: 'fd00:21::1' },
};
/** Between gateway and router, where there is a gateway. */
export const GATEWAY_LINK: Link = {
  near: { ipv4: '10.22.0.2', ipv6: 'fd00:22::2' },
  far: { ipv4: '10.22.0.1', ipv6: 'fd00:22::1' },
};
export const CLIENT_LINK_PREFIX: DualAddress = { ipv4: '10.21.0.0/24', ipv6: 'fd00:21::/64' };

const FIRST_AMPHORA_HOST = 10;
/** Higher ids would reach the addresses from .100 on, where VIPs are. */
export const MAX_AMPHORAE = 64;

/** The same addresses for every tenant. */
export function amphoraPort(id: number, tenant: string | null): AmphoraPort {
  const host = FIRST_AMPHORA_HOST + id;
  const hostHex = (0x10 + id).toString(16);
  return {
    id,
    name: `${tenant === null ? '' : `${tenant}-`}amphora-${id.toString()}`,
    ipv4: `10.20.0.${host.toString()}`,
    ipv6: `fd00:20::${hostHex}`,
    mac: `02:20:00:00:00:${hostHex}`,
  };
}

export function addressOf(family: Family, address: DualAddress): string {
  return family === 4 ? address.ipv4 : address.ipv6;
}

/** The address of client `n`, from 0 to MAX_CLIENT. */
export function clientAddress(family: Family, n: number): string {
  if (!Number.isInteger(n) || n < 0 || n > MAX_CLIENT) {
    throw new RangeError(`client ${n.toString()} is not within 0 to ${MAX_CLIENT.toString()}`);
  }
  return family === 4
    ? `198.18.${(n >> 8).toString()}.${(n & 0xff).toString()}`
    : `fd00:198::${n.toString(16)}`;
}
