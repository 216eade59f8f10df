// SPDX-License-Identifier: Apache-2.0
import {
  CLIENT_LINK,
  CLIENT_PREFIX,
  DISTRIBUTOR,
  FRONT_END_PORT,
  ROUTER,
  VIP,
  type AmphoraPort,
  type DualAddress,
  type FrontEndPort,
} from './topology.ts';

/** The namespace of each box. */
export interface BedNamespaces {
  readonly client: string;
  readonly router: string;
  readonly bridge: string;
  readonly distributor: string;
  readonly amphorae: readonly string[];
}

export const BRIDGE = 'br0';
/** The bridge's end of the distributor's cable. */
export const DISTRIBUTOR_BRIDGE_PORT = 'distributor';

const LINK_PORT = 'link0';

/** Lines for `ip -batch`: every cable, with its two ends in their boxes. */
export function cables(namespaces: BedNamespaces, amphorae: readonly AmphoraPort[]): string {
  const toBridge = (namespace: string, port: FrontEndPort, bridgePort: string): string =>
    `link add ${FRONT_END_PORT} address ${port.mac} netns ${namespace} ` +
    `type veth peer name ${bridgePort} netns ${namespaces.bridge}`;
  return lines(
    `link add ${LINK_PORT} netns ${namespaces.client} ` +
      `type veth peer name ${LINK_PORT} netns ${namespaces.router}`,
    toBridge(namespaces.router, ROUTER, 'router'),
    toBridge(namespaces.distributor, DISTRIBUTOR, DISTRIBUTOR_BRIDGE_PORT),
    ...amphorae.map((port, index) => toBridge(namespaces.amphorae[index] ?? '', port, port.name)),
  );
}

/** A shell script that makes a box the bridge. `xdpPass` is the object file for the distributor's port. */
export function bridgeScript(amphorae: readonly AmphoraPort[], xdpPass: string): string {
  const ports = ['router', DISTRIBUTOR_BRIDGE_PORT, ...amphorae.map((port) => port.name)];
  return lines(
    'set -e',
    // The bridge has no address, and says nothing of its own on the network.
    sysctl('ipv6/conf/default/disable_ipv6', 1),
    ...ports.map((port) => sysctl(`ipv6/conf/${port}/disable_ipv6`, 1)),
    ...ports.map(offloadsOff),
    ip(
      // Snooping would hold back neighbour solicitations until it has seen a listener report.
      `link add ${BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      ...ports.map((port) => `link set ${port} master ${BRIDGE} up`),
      `link set ${BRIDGE} up`,
    ),
    `ip link set dev ${DISTRIBUTOR_BRIDGE_PORT} xdpdrv obj '${xdpPass}' sec xdp`,
    // An XDP program turns receive offload on: frames would reach the amphorae joined together.
    `ethtool -K ${DISTRIBUTOR_BRIDGE_PORT} gro off`,
  );
}

export function routerScript(): string {
  return lines(
    ...prepare(LINK_PORT, FRONT_END_PORT),
    sysctl('ipv4/ip_forward', 1),
    sysctl('ipv6/conf/all/forwarding', 1),
    ip(
      ...address(LINK_PORT, CLIENT_LINK.router),
      ...address(FRONT_END_PORT, ROUTER),
      `route add ${CLIENT_PREFIX.ipv4} via ${CLIENT_LINK.client.ipv4}`,
      `route add ${CLIENT_PREFIX.ipv6} via ${CLIENT_LINK.client.ipv6}`,
    ),
  );
}

/** All of the clients' prefixes are this box's own addresses (AnyIP): a route each, not thousands. */
export function clientScript(): string {
  return lines(
    ...prepare(LINK_PORT),
    // IPv4 lets a socket bind to an address with a local route; IPv6 wants to be told.
    sysctl('ipv6/ip_nonlocal_bind', 1),
    // Asks for the router in its own name, not a client's: the router would remember each of them.
    sysctl('ipv4/conf/all/arp_announce', 2),
    ip(
      ...address(LINK_PORT, CLIENT_LINK.client),
      `route add local ${CLIENT_PREFIX.ipv4} dev lo`,
      `route add local ${CLIENT_PREFIX.ipv6} dev lo`,
      `route add default via ${CLIENT_LINK.router.ipv4}`,
      `route add default via ${CLIENT_LINK.router.ipv6}`,
    ),
  );
}

export function distributorScript(): string {
  return lines(
    ...prepare(FRONT_END_PORT),
    ip(
      ...address(FRONT_END_PORT, DISTRIBUTOR),
      `route add default via ${ROUTER.ipv4}`,
      `route add default via ${ROUTER.ipv6}`,
    ),
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
      `route add default via ${ROUTER.ipv4}`,
      `route add default via ${ROUTER.ipv6}`,
    ),
  );
}

/** What every box with addresses starts with. */
function prepare(...ports: readonly string[]): string[] {
  return [
    'set -e',
    ...['all', 'default', ...ports].flatMap((scope) => [
      // The greater of "all" and the port's own counts for both, so zero is wanted in every place.
      sysctl(`ipv6/conf/${scope}/accept_dad`, 0),
      sysctl(`ipv6/conf/${scope}/accept_ra`, 0),
      sysctl(`ipv4/conf/${scope}/rp_filter`, 0),
    ]),
    ...ports.map(offloadsOff),
    'ip link set lo up',
  ];
}

/**
 * What XDP forwards leaves as it came. So a frame must be whole when it arrives: with its checksum
 * computed, no larger than the MTU, and its VLAN tag, if any, in place.
 */
function offloadsOff(port: string): string {
  return `ethtool -K ${port} tx off gso off gro off txvlan off rxvlan off`;
}

function address(port: string, own: DualAddress): string[] {
  return [
    `link set ${port} up`,
    `address add ${own.ipv4}/24 dev ${port}`,
    `address add ${own.ipv6}/64 dev ${port} nodad`,
  ];
}

function sysctl(path: string, value: number): string {
  return `echo ${value.toString()} > /proc/sys/net/${path}`;
}

function ip(...commands: readonly string[]): string {
  return lines("ip -batch - <<'END'", ...commands, 'END').trimEnd();
}

function lines(...text: readonly string[]): string {
  return text.map((line) => `${line}\n`).join('');
}
