// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';
import { DistributordError } from '../errors.ts';

/** What an address must not be, by the name ipaddr.js gives its range. */
const unusableRanges: Readonly<Record<string, string>> = {
  unspecified: 'the unspecified address',
  broadcast: 'the broadcast address',
  multicast: 'a multicast address',
  loopback: 'a loopback address',
  ipv4Mapped: 'an IPv4-mapped IPv6 address',
};

/**
 * A unicast address in its canonical text (RFC 5952 for IPv6).
 * @throws INVALID_ADDRESS naming `field`
 */
export function parseAddress(text: string, field: string): string {
  const fault = { field, value: text };
  if (
    text.includes('%') ||
    !(ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text))
  )
    throw new DistributordError('INVALID_ADDRESS', `${field} is not an IP address: ${text}`, fault);
  const address = ipaddr.parse(text);
  const unusable = unusableRanges[address.range()] ?? reserved(address);
  if (unusable !== null)
    throw new DistributordError('INVALID_ADDRESS', `${field} is ${unusable}: ${text}`, fault);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

/** 0.0.0.0/8 and 240.0.0.0/4 are never a host's (RFC 1122, 3.2.1.3; RFC 1112, 4). */
function reserved(address: ipaddr.IPv4 | ipaddr.IPv6): string | null {
  if (!(address instanceof ipaddr.IPv4)) return null;
  const first = address.octets[0] ?? 0;
  return first === 0 || first >= 240 ? 'a reserved address' : null;
}

/**
 * A subnet as canonical CIDR that holds `address` as a host's, so neither as the network's
 * own nor (IPv4) the broadcast address. Host bits in `text` are refused.
 * @throws INVALID_SUBNET or INVALID_ADDRESS naming the field at fault
 */
export function parseSubnet(text: string, address: string): string {
  const fault = { field: 'vip.subnet', value: text };
  if (!ipaddr.isValidCIDR(text))
    throw new DistributordError('INVALID_SUBNET', `vip.subnet is not a CIDR: ${text}`, fault);
  const [network, prefix] = ipaddr.parseCIDR(text);
  const host = ipaddr.parse(address);
  const family = network.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  const canonical = `${network.toString()}/${prefix}`;
  if (family.networkAddressFromCIDR(text).toString() !== network.toString())
    throw new DistributordError('INVALID_SUBNET', `vip.subnet has host bits set: ${text}`, fault);
  if (host.kind() !== network.kind() || !host.match(network, prefix))
    throw new DistributordError(
      'INVALID_SUBNET',
      `vip.subnet ${text} does not hold vip.address ${address}`,
      fault,
    );
  refuseNonHost(address, text);
  return canonical;
}

function refuseNonHost(address: string, subnet: string): void {
  const fault = { field: 'vip.address', value: address };
  const [network, prefix] = ipaddr.parseCIDR(subnet);
  // RFC 3021 and RFC 6164: in /31, /127 and longer every address is a host's.
  if (prefix >= (network.kind() === 'ipv4' ? 31 : 127)) return;
  if (network.toString() === ipaddr.parse(address).toString())
    throw new DistributordError(
      'INVALID_ADDRESS',
      `vip.address is the network address of ${subnet}: ${address}`,
      fault,
    );
  if (
    network.kind() === 'ipv4' &&
    ipaddr.IPv4.broadcastAddressFromCIDR(subnet).toString() === address
  )
    throw new DistributordError(
      'INVALID_ADDRESS',
      `vip.address is the broadcast address of ${subnet}: ${address}`,
      fault,
    );
}
