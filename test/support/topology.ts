// SPDX-License-Identifier: Apache-2.0

/**
 * The boxes of the test bed and their addresses:
 *
 *     client ── router ── bridge ─┬─ distributor
 *                                 ├─ amphora-1
 *                                 └─ amphora-2 …
 *
 * The front-end network is a bridge, as a tenant's network is to Octavia. The clients are behind the
 * router, and amphorae answer them through it, past the distributor (direct server return).
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

export interface AmphoraPort extends FrontEndPort {
  /** From 1. */
  readonly id: number;
  /** `amphora-<id>`, which is also what its services answer. */
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
export const DISTRIBUTOR: FrontEndPort = {
  ipv4: '10.20.0.2',
  ipv6: 'fd00:20::2',
  mac: '02:20:00:00:00:02',
};

/** The addresses of all clients, any of which a process in the client's namespace may use. */
export const CLIENT_PREFIX: DualAddress = { ipv4: '198.18.0.0/16', ipv6: 'fd00:198::/64' };
export const MAX_CLIENT = 0xffff;

/** The two ends of the link between the clients' box and the router. */
export const CLIENT_LINK = {
  client: { ipv4: '10.21.0.2', ipv6: 'fd00:21::2' },
  router: { ipv4: '10.21.0.1', ipv6: 'fd00:21::1' },
} as const satisfies Record<string, DualAddress>;

const FIRST_AMPHORA_HOST = 10;
/** Higher ids would reach the addresses from .100 on, where VIPs are. */
export const MAX_AMPHORAE = 64;

export function amphoraPort(id: number): AmphoraPort {
  const host = FIRST_AMPHORA_HOST + id;
  const hostHex = (0x10 + id).toString(16);
  return {
    id,
    name: `amphora-${id.toString()}`,
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
