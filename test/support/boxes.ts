// SPDX-License-Identifier: Apache-2.0
// A shell script for each kind of box that has addresses.
import type { BedPlan } from './bed-plan.ts';
import { address, forwarding, ip, lines, prepare, routes, sysctl } from './script.ts';
import {
  CLIENT_LINK,
  CLIENT_LINK_PREFIX,
  CLIENT_PREFIX,
  FRONT_END_PORT,
  GATEWAY_LINK,
  ROUTER,
  VIP,
  type AmphoraPort,
} from './topology.ts';
import { LINK_PORTS } from './wiring.ts';

export function routerScript({ namespaces }: BedPlan): string {
  const { near, far } = namespaces.gateway === null ? CLIENT_LINK : GATEWAY_LINK;
  return lines(
    ...prepare(LINK_PORTS.near, FRONT_END_PORT),
    ...forwarding(),
    ip(
      ...address(LINK_PORTS.near, far),
      ...address(FRONT_END_PORT, ROUTER),
      ...routes(CLIENT_PREFIX, near),
      ...(namespaces.gateway === null ? [] : routes(CLIENT_LINK_PREFIX, near)),
    ),
  );
}

/** Stands where the path's MTU changes: it finds what clients send too large, the router the answers. */
export function gatewayScript(): string {
  return lines(
    ...prepare(LINK_PORTS.near, LINK_PORTS.far),
    ...forwarding(),
    ip(
      ...address(LINK_PORTS.near, CLIENT_LINK.far),
      ...address(LINK_PORTS.far, GATEWAY_LINK.near),
      ...routes(CLIENT_PREFIX, CLIENT_LINK.near),
      ...routes('default', GATEWAY_LINK.far),
    ),
  );
}

/** All of the clients' prefixes are this box's own addresses (AnyIP): a route each, not thousands. */
export function clientScript(): string {
  return lines(
    ...prepare(LINK_PORTS.far),
    // IPv4 lets a socket bind to an address with a local route; IPv6 wants to be told.
    sysctl('ipv6/ip_nonlocal_bind', 1),
    // Asks for the router in its own name, not a client's: the router would remember each of them.
    sysctl('ipv4/conf/all/arp_announce', 2),
    ip(
      ...address(LINK_PORTS.far, CLIENT_LINK.near),
      `route add local ${CLIENT_PREFIX.ipv4} dev lo`,
      `route add local ${CLIENT_PREFIX.ipv6} dev lo`,
      ...routes('default', CLIENT_LINK.far),
    ),
  );
}

export function distributorScript({ distributor: { name, address: own } }: BedPlan): string {
  return lines(
    ...prepare(name),
    own === null
      ? `ip link set ${name} up`
      : ip(...address(name, own), ...routes('default', ROUTER)),
  );
}

/** An amphora has the VIP, on lo, and keeps still about it. */
export function amphoraScript(port: AmphoraPort): string {
  return lines(
    ...prepare(FRONT_END_PORT),
    // Answer ARP only for addresses of the port asked, and ask with its own. IPv6 does so unasked.
    sysctl('ipv4/conf/all/arp_ignore', 1),
    sysctl('ipv4/conf/all/arp_announce', 2),
    ip(
      ...address(FRONT_END_PORT, port),
      `address add ${VIP.ipv4}/32 dev lo`,
      `address add ${VIP.ipv6}/128 dev lo nodad`,
      ...routes('default', ROUTER),
    ),
  );
}
