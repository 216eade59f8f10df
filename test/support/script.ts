// SPDX-License-Identifier: Apache-2.0
// Pieces of the shell scripts that make namespaces into boxes.
import type { DualAddress } from './topology.ts';

/** What every box with addresses starts with. */
export function prepare(...ports: readonly string[]): string[] {
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

/** What a box needs to pass packets on. */
export function forwarding(): string[] {
  return [sysctl('ipv4/ip_forward', 1), sysctl('ipv6/conf/all/forwarding', 1)];
}

/**
 * What XDP forwards leaves as it came. So a frame must be whole when it arrives: with its checksum
 * computed, no larger than the MTU, and its VLAN tag, if any, in place.
 */
export function offloadsOff(port: string): string {
  const tags = 'txvlan off rxvlan off tx-vlan-stag-hw-insert off rx-vlan-stag-hw-parse off';
  return `ethtool -K ${port} tx off gso off gro off ${tags}`;
}

/** Commands of `ip`, not of the shell: see `ip`. */
export function address(port: string, own: DualAddress): string[] {
  return [
    `link set ${port} up`,
    `address add ${own.ipv4}/24 dev ${port}`,
    `address add ${own.ipv6}/64 dev ${port} nodad`,
  ];
}

export function routes(prefix: DualAddress | 'default', via: DualAddress): string[] {
  const { ipv4, ipv6 } = prefix === 'default' ? { ipv4: prefix, ipv6: prefix } : prefix;
  return [`route add ${ipv4} via ${via.ipv4}`, `route add ${ipv6} via ${via.ipv6}`];
}

export function sysctl(path: string, value: number): string {
  return `echo ${value.toString()} > /proc/sys/net/${path}`;
}

export function ip(...commands: readonly string[]): string {
  return lines("ip -batch - <<'END'", ...commands, 'END').trimEnd();
}

export function lines(...text: readonly string[]): string {
  return text.map((line) => `${line}\n`).join('');
}
