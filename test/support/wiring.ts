// SPDX-License-Identifier: Apache-2.0
import type { BedPlan } from './bed-plan.ts';
import { ip, lines, offloadsOff, sysctl } from './script.ts';
import { FRONT_END_PORT, ROUTER, type AmphoraPort } from './topology.ts';

const BRIDGE = 'br0';
/** The bridge's ends of the cables; an amphora's is named by its id, as names of ports are short. */
const BRIDGE_PORTS = {
  router: 'router',
  distributor: 'distributor',
  amphora: ({ id }: AmphoraPort) => `amphora-${id.toString()}`,
} as const;

/** The ports of the links that lead away from the amphorae, and towards them. */
export const LINK_PORTS = { near: 'link0', far: 'link1' } as const;

interface End {
  readonly namespace: string;
  readonly port: string;
  readonly mac?: string;
}

/** Lines for `ip -batch`: every cable, with its two ends in their boxes. */
export function cables({ namespaces, amphorae, distributor, mtu, pathMtu }: BedPlan): string {
  const { client, gateway, router, bridge } = namespaces;
  const toBridge = (end: End, port: string): string => cable(end, { namespace: bridge, port }, mtu);
  const nearEnd = (namespace: string): End => ({ namespace, port: LINK_PORTS.near });
  const farEnd = (namespace: string): End => ({ namespace, port: LINK_PORTS.far });
  const towardsClient =
    gateway === null
      ? [cable(farEnd(client), nearEnd(router), mtu)]
      : [
          cable(farEnd(client), nearEnd(gateway), mtu),
          cable(farEnd(gateway), nearEnd(router), pathMtu ?? mtu),
        ];
  return lines(
    ...towardsClient,
    toBridge({ namespace: router, port: FRONT_END_PORT, mac: ROUTER.mac }, BRIDGE_PORTS.router),
    ...amphorae.map((port, index) =>
      toBridge(
        { namespace: namespaces.amphorae[index] ?? '', port: FRONT_END_PORT, mac: port.mac },
        BRIDGE_PORTS.amphora(port),
      ),
    ),
    // The last, for its box may be the machine's own network: no port is made in any other one whose
    // name the machine has.
    distributorCable({ namespaces, distributor, mtu }),
  );
}

/** The line for the distributor's alone. */
export function distributorCable({
  namespaces,
  distributor: { name: port, mac },
  mtu,
}: Pick<BedPlan, 'namespaces' | 'distributor' | 'mtu'>): string {
  const far = { namespace: namespaces.bridge, port: BRIDGE_PORTS.distributor };
  return cable({ namespace: namespaces.distributor, port, mac }, far, mtu);
}

function cable(one: End, other: End, mtu: number): string {
  const end = ({ namespace, port, mac }: End): string =>
    `${port} ${mac === undefined ? '' : `address ${mac} `}mtu ${mtu.toString()} netns ${namespace}`;
  return `link add name ${end(one)} type veth peer name ${end(other)}`;
}

/** A shell script that makes a box the bridge. `xdpPass` is the object file for the distributor's port. */
export function bridgeScript({ amphorae }: BedPlan, xdpPass: string): string {
  const { router, amphora } = BRIDGE_PORTS;
  const ports = [router, ...amphorae.map(amphora)];
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
    ...distributorPort(xdpPass),
  );
}

/** The same for the distributor's port alone, where that is a new one. */
export function distributorPortScript(xdpPass: string): string {
  return lines('set -e', ...distributorPort(xdpPass));
}

function distributorPort(xdpPass: string): readonly string[] {
  const { distributor } = BRIDGE_PORTS;
  return [
    sysctl(`ipv6/conf/${distributor}/disable_ipv6`, 1),
    offloadsOff(distributor),
    ip(`link set ${distributor} master ${BRIDGE} up`),
    `ip link set dev ${distributor} xdpdrv obj '${xdpPass}' sec xdp.frags`,
    // An XDP program turns receive offload on: frames would reach the amphorae joined together.
    `ethtool -K ${distributor} gro off`,
  ];
}
