// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { parseAffinity, type Affinity, type Tracking } from './affinity.ts';
import { parseAddress, parseSubnet } from './ip.ts';
import { parseMac } from './mac.ts';

/** A port of this host as the caller names it. */
export type PortName = { readonly interface: string } | { readonly mac: string };

export interface AttachmentRequest {
  readonly port: PortName;
  /** VLAN ids, outer first. */
  readonly vlanIds: readonly number[];
}

/** A VIP as a caller asks for it; nothing in it is checked yet. */
export interface VipRequest {
  readonly address: string;
  readonly attachment: AttachmentRequest | null;
  readonly subnet: string | null;
  readonly gateway: string | null;
  /** Of the VIP's network, bytes; 0 = not known. For checking the port. */
  readonly mtu: number;
  readonly tracking: Tracking;
  /** Seconds; 0 = the daemon's default. */
  readonly tcpIdle: number;
  readonly otherIdle: number;
}

/** A VIP of a distributor: an address on an attachment, and how its packets are treated. */
export interface Vip {
  /** Canonical text. */
  readonly address: string;
  readonly interface: string;
  readonly vlanIds: readonly number[];
  readonly subnet: string | null;
  readonly gateway: string | null;
  readonly affinity: Affinity;
  readonly tracking: Tracking;
  /** Seconds until a silent TCP or SCTP connection counts as gone; null = the default. */
  readonly tcpIdle: number | null;
  /** The same for all other protocols. */
  readonly otherIdle: number | null;
}

/** What sets a VIP of this host apart from all others. */
export type VipPlace = Pick<Vip, 'address' | 'interface' | 'vlanIds'>;

/** What a port of this host looks like; from the data path. */
export interface Port {
  readonly name: string;
  readonly ifindex: number;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** It takes VLAN tags off the frames it receives: the data path would not see them. */
  readonly stripsVlanTags: boolean;
  /** The host's own addresses on it, canonical. */
  readonly addresses: readonly string[];
}

export const maxVlanId = 4094;
export const maxIdle = 86_400;

/** Identifies a VIP on this host: two distributors cannot both have it. */
export function vipKey(vip: VipPlace): string {
  return [vip.interface, ...vip.vlanIds, vip.address].join('/');
}

export interface VipSettings {
  readonly algorithm: string | null;
  readonly persistence: string | null;
  readonly ports: readonly Port[];
}

/**
 * The VIP that a request describes, on one of the host's ports.
 * @throws INVALID_ADDRESS, INVALID_SUBNET, INVALID_ATTACHMENT, PORT_NOT_FOUND,
 *   VIP_IS_HOST_ADDRESS, VLAN_OFFLOAD, PORT_MTU, UNKNOWN_AFFINITY, UNKNOWN_ALGORITHM, INVALID_TIMEOUT
 */
export function parseVip(request: VipRequest, settings: VipSettings): Vip {
  const address = parseAddress(request.address, 'vip.address');
  const subnet = request.subnet === null ? null : parseSubnet(request.subnet, address);
  const gateway = request.gateway === null ? null : parseAddress(request.gateway, 'vip.gateway');
  const affinity = parseAffinity(settings.algorithm, settings.persistence);
  if (request.attachment === null)
    throw new DistributordError('INVALID_ATTACHMENT', 'vip.attachment is missing', {
      field: 'vip.attachment',
      value: '',
    });
  const port = findPort(request.attachment.port, settings.ports);
  if (port.addresses.includes(address))
    throw new DistributordError(
      'VIP_IS_HOST_ADDRESS',
      `vip.address ${address} is configured on the host's interface ${port.name}`,
      { field: 'vip.address', value: address },
    );
  const vlanIds = parseVlanIds(request.attachment.vlanIds);
  if (vlanIds.length > 0 && port.stripsVlanTags)
    throw new DistributordError(
      'VLAN_OFFLOAD',
      `vip.attachment.vlan_ids ${vlanIds.join(',')}: ${vlanOffloadMessage(port.name)}`,
      { field: 'vip.attachment.vlan_ids', value: vlanIds.join(',') },
    );
  if (port.mtu < request.mtu)
    throw new DistributordError(
      'PORT_MTU',
      `vip.mtu ${request.mtu}: interface ${port.name} has an MTU of ${port.mtu}, so larger packets would be lost`,
      { field: 'vip.mtu', value: request.mtu },
    );
  return {
    address,
    interface: port.name,
    vlanIds,
    subnet,
    gateway,
    affinity,
    tracking: request.tracking,
    tcpIdle: parseIdle(request.tcpIdle, 'vip.tcp_idle_seconds'),
    otherIdle: parseIdle(request.otherIdle, 'vip.other_idle_seconds'),
  };
}

function parseIdle(seconds: number, field: string): number | null {
  if (seconds === 0) return null;
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= maxIdle) return seconds;
  throw new DistributordError(
    'INVALID_TIMEOUT',
    `${field} is not 1 to ${maxIdle}, nor 0 for the default: ${seconds}`,
    { field, value: seconds },
  );
}

export function vlanOffloadMessage(port: string): string {
  return (
    `interface ${port} strips VLAN tags before the data path sees them: ` +
    `ethtool -K ${port} rxvlan off rx-vlan-stag-hw-parse off`
  );
}

/** @throws INVALID_ATTACHMENT */
export function parseVlanIds(vlanIds: readonly number[]): readonly number[] {
  const field = 'vip.attachment.vlan_ids';
  const bad = vlanIds.find((id) => !Number.isInteger(id) || id < 1 || id > maxVlanId);
  if (bad !== undefined)
    throw new DistributordError('INVALID_ATTACHMENT', `${field} has ${bad}: not 1 to 4094`, {
      field,
      value: bad,
    });
  if (vlanIds.length > 2)
    throw new DistributordError(
      'INVALID_ATTACHMENT',
      `${field} has more than two: ${vlanIds.join(',')}`,
      {
        field,
        value: vlanIds.join(','),
      },
    );
  return vlanIds;
}

/** @throws PORT_NOT_FOUND, INVALID_MAC */
export function findPort(name: PortName, ports: readonly Port[]): Port {
  const [field, value] =
    'mac' in name
      ? ['vip.attachment.mac', parseMac(name.mac, 'vip.attachment.mac')]
      : ['vip.attachment.interface', name.interface];
  const found = ports.filter((port) => ('mac' in name ? port.mac : port.name) === value);
  const [port] = found;
  if (port === undefined)
    throw new DistributordError(
      'PORT_NOT_FOUND',
      `${field} ${JSON.stringify(value)} is none of this host's: ${ports.map((p) => p.name).join(', ')}`,
      { field, value },
    );
  if (found.length > 1)
    throw new DistributordError(
      'INVALID_ATTACHMENT',
      `${field} ${value} is the MAC of several ports: ${found.map((p) => p.name).join(', ')}`,
      { field, value },
    );
  return port;
}
