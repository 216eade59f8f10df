// SPDX-License-Identifier: Apache-2.0
import { InvalidArgumentError } from 'commander';
import type { Amphora } from '../../build/proto/distributor/v1/Amphora.ts';
import type { AmphoraWeight } from '../../build/proto/distributor/v1/AmphoraWeight.ts';
import type { Attachment } from '../../build/proto/distributor/v1/Attachment.ts';

const textKeys = ['id', 'ip', 'mac'] as const;
const numberKeys = ['weight', 'position'] as const;

const roles = { active: 'ROLE_ACTIVE', standby: 'ROLE_STANDBY' } as const;

/** `id=a1,ip=10.0.0.11,mac=…,weight=2,position=0,role=standby`; id and ip are required. */
export function parseAmphoraArgument(text: string, previous: readonly Amphora[] = []): Amphora[] {
  const amphora: Amphora = {};
  for (const part of text.split(',')) {
    const [key = '', ...rest] = part.split('=');
    const value = rest.join('=');
    if (Object.hasOwn(amphora, key))
      throw new InvalidArgumentError(`${key} is given twice in ${JSON.stringify(text)}`);
    const textKey = textKeys.find((known) => known === key);
    const numberKey = numberKeys.find((known) => known === key);
    if (textKey !== undefined) amphora[textKey] = value;
    else if (numberKey !== undefined) amphora[numberKey] = parseCount(value);
    else if (key === 'role') amphora.role = parseRole(value);
    else
      throw new InvalidArgumentError(
        `unknown key ${JSON.stringify(key)}: known are ${[...textKeys, ...numberKeys, 'role'].join(', ')}`,
      );
  }
  if (amphora.id === undefined || amphora.ip === undefined)
    throw new InvalidArgumentError('id and ip are required: id=a1,ip=10.0.0.11');
  return [...previous, amphora];
}

function parseRole(text: string): (typeof roles)[keyof typeof roles] {
  if (text === 'active' || text === 'standby') return roles[text];
  throw new InvalidArgumentError(
    `role is neither ${Object.keys(roles).join(' nor ')}: ${JSON.stringify(text)}`,
  );
}

/** `a1=3`; an id may hold `=` itself. */
export function parseWeightArgument(
  text: string,
  previous: readonly AmphoraWeight[] = [],
): AmphoraWeight[] {
  const end = text.lastIndexOf('=');
  if (end <= 0) throw new InvalidArgumentError('Give an amphora and its weight: a1=3.');
  const weight = { amphora_id: text.slice(0, end), weight: parseCount(text.slice(end + 1)) };
  return [...previous, weight];
}

export function parseCount(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value < 2 ** 32) return value;
  throw new InvalidArgumentError(`not a whole number: ${JSON.stringify(text)}`);
}

export function parseSeconds(text: string): number {
  const value = parseCount(text);
  if (value >= 1 && value <= 86_400) return value;
  throw new InvalidArgumentError(`not from 1 to 86400: ${text}`);
}

/** `100` or `100.200` (outer.inner). */
export function parseVlans(text: string): number[] {
  return text.split('.').map(parseCount);
}

export interface AttachmentOptions {
  readonly interface?: string;
  readonly portMac?: string;
  readonly vlan?: number[];
}

/** null if the options name no port. */
export function attachmentFrom(options: AttachmentOptions): Attachment | null {
  const vlan_ids = options.vlan ?? [];
  if (options.portMac !== undefined) return { mac: options.portMac, vlan_ids, port: 'mac' };
  if (options.interface !== undefined)
    return { interface: options.interface, vlan_ids, port: 'interface' };
  return null;
}
