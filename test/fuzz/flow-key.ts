// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';

export interface FlowPorts {
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** `source`: the octets of the client's address, a character each. */
export function flowKey(vip: number, flow: FlowPorts, source: string): string {
  return `${vip} ${flow.protocol} ${flow.sourcePort} ${flow.destinationPort} ${source}`;
}

export function flowKeyOf(vip: number, flow: FlowPorts & { readonly source: string }): string {
  const octets = ipaddr.parse(flow.source).toByteArray();
  return flowKey(vip, flow, String.fromCharCode(...octets));
}

/** Index of the VIP whose flow it is. */
export function vipOfKey(key: string): number {
  return parseInt(key, 10);
}

export function flowOfKey(key: string): FlowPorts & { vip: number; source: string } {
  const { numbers, source } = parts(key, 4);
  const [vip = 0, protocol = 0, sourcePort = 0, destinationPort = 0] = numbers;
  return { vip, protocol, sourcePort, destinationPort, source };
}

/** `protocol`: 0 in IPv6. */
export function datagramKey(
  vip: number,
  datagram: { readonly identification: number; readonly protocol: number },
  source: string,
): string {
  return `${vip} ${datagram.identification} ${datagram.protocol} ${source}`;
}

export function datagramOfKey(key: string) {
  const { numbers, source } = parts(key, 3);
  const [vip = 0, identification = 0, protocol = 0] = numbers;
  return { vip, identification, protocol, source };
}

/** The numbers that it begins with, and the address behind them. */
function parts(key: string, count: number) {
  const numbers = key.split(' ', count).map(Number);
  const octets = Array.from(key.slice(numbers.join(' ').length + 1), (octet) =>
    octet.charCodeAt(0),
  );
  return { numbers, source: ipaddr.fromByteArray(octets).toString() };
}
