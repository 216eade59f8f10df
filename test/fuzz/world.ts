// SPDX-License-Identifier: Apache-2.0
// What every frame meets: the same addresses on five attachments of two ports, each a VIP of a
// distributor of its own. All tracking modes with both affinities, and no two attachments alike.

export interface Port {
  readonly name: string;
  readonly mac: string;
}

export const ports = [
  { name: 'port-a', mac: '02:00:00:00:0a:fe' },
  { name: 'port-b', mac: '02:00:00:00:0b:fe' },
] as const satisfies readonly Port[];

export interface Attachment {
  /** Index into `ports`. */
  readonly port: number;
  /** Outermost first; 0 = no tag. */
  readonly tags: readonly [number, number];
}

export const attachments: readonly Attachment[] = [
  { port: 0, tags: [0, 0] },
  { port: 1, tags: [0, 0] },
  { port: 0, tags: [100, 0] },
  { port: 0, tags: [100, 200] },
  { port: 0, tags: [200, 0] },
];

export const TRACKINGS = ['adaptive', 'full', 'stateless'] as const;
export const AFFINITIES = ['source-ip', 'source-ip-and-port'] as const;

/** VIP addresses of each family on an attachment. */
export const HOSTS = TRACKINGS.length * AFFINITIES.length;
export const FAMILIES = [4, 6] as const;
export const SLOTS = 64;
export const POSITIONS = 8;
export const TCP_IDLE = 900;
export const OTHER_IDLE = 120;

export interface Distributor {
  readonly index: number;
  readonly tracking: (typeof TRACKINGS)[number];
  readonly byPort: boolean;
  readonly seed: bigint;
}

export interface Vip {
  readonly index: number;
  /** Index into the VIP counters. */
  readonly element: number;
  readonly distributor: Distributor;
  readonly attachment: Attachment;
  readonly family: 4 | 6;
  readonly address: string;
}

export const distributors: readonly Distributor[] = attachments.flatMap((_, attachment) =>
  Array.from({ length: HOSTS }, (__, host) => {
    const index = attachment * HOSTS + host;
    // Turned by one for each attachment: one address has every mode somewhere.
    const mode = (host + attachment) % HOSTS;
    return {
      index,
      tracking: TRACKINGS[mode % TRACKINGS.length] ?? 'adaptive',
      byPort: mode >= TRACKINGS.length,
      seed: BigInt.asUintN(64, 0x9e37_79b9_7f4a_7c15n * BigInt(index + 1)),
    };
  }),
);

const FIRST_HOST = 10;

export const vips: readonly Vip[] = distributors.flatMap((distributor) =>
  FAMILIES.map((family, which) => {
    const index = distributor.index * FAMILIES.length + which;
    const host = FIRST_HOST + (distributor.index % HOSTS);
    const attachment = attachments[Math.floor(distributor.index / HOSTS)];
    if (attachment === undefined) throw new RangeError('no attachment');
    const address = family === 4 ? `192.0.2.${host}` : `2001:db8::${host.toString(16)}`;
    return { index, element: index + 1, distributor, attachment, family, address };
  }),
);

/** The attachment of a frame by its tags; an outer id 0 carries a priority only. */
export function attachmentOf(port: number, outer: number, inner: number): number {
  const [first, second] = outer === 0 ? [inner, 0] : [outer, inner];
  return attachments.findIndex(
    ({ port: its, tags }) => its === port && tags[0] === first && tags[1] === second,
  );
}

/** The VIP that is this IPv4 address on an attachment, or -1. */
export function vipByIpv4(attachment: number, address: number): number {
  const host = (address >>> 0) - 0xc0000200 - FIRST_HOST;
  return attachment < 0 || host < 0 || host >= HOSTS ? -1 : indexOf(attachment, host, 0);
}

/** The same by IPv6 address, at `offset`. */
export function vipByIpv6(attachment: number, bytes: DataView, offset: number): number {
  if (attachment < 0 || bytes.getUint32(offset) !== 0x20010db8) return -1;
  if (bytes.getUint32(offset + 4) !== 0 || bytes.getUint32(offset + 8) !== 0) return -1;
  const host = bytes.getUint32(offset + 12) - FIRST_HOST;
  return host < 0 || host >= HOSTS ? -1 : indexOf(attachment, host, 1);
}

function indexOf(attachment: number, host: number, family: number): number {
  return (attachment * HOSTS + host) * FAMILIES.length + family;
}

export function vipAt(index: number): Vip {
  const vip = vips[index];
  if (vip === undefined) throw new RangeError(`no VIP ${index}`);
  return vip;
}

export function portAt(index: number): Port {
  const port = ports[index];
  if (port === undefined) throw new RangeError(`no port ${index}`);
  return port;
}

export function vipName({ attachment: { port, tags }, address }: Vip): string {
  const tagged = tags.filter((tag) => tag !== 0).map((tag) => `.${tag}`);
  return `${address} on ${portAt(port).name}${tagged.join('')}`;
}
