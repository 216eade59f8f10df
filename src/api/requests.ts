// SPDX-License-Identifier: Apache-2.0
// From the wire to what the driver takes. Presence is decided here; values are checked by
// the model.
import type { Amphora__Output as AmphoraMessage } from '../../build/proto/distributor/v1/Amphora.ts';
import type { Attachment__Output as AttachmentMessage } from '../../build/proto/distributor/v1/Attachment.ts';
import type { DrainAmphoraeRequest__Output as DrainMessage } from '../../build/proto/distributor/v1/DrainAmphoraeRequest.ts';
import type { AmphoraWeight__Output as WeightMessage } from '../../build/proto/distributor/v1/AmphoraWeight.ts';
import type { Timestamp__Output as Timestamp } from '../../build/proto/google/protobuf/Timestamp.ts';
import type { Vip__Output as VipMessage } from '../../build/proto/distributor/v1/Vip.ts';
import type { DrainRequest } from '../driver/amphora-flows.ts';
import { DistributordError } from '../errors.ts';
import type { Tracking } from '../model/affinity.ts';
import type { AmphoraRequest, DrainEnd, Role } from '../model/amphora.ts';
import type { AttachmentRequest, VipRequest } from '../model/vip.ts';
import type { WeightRequest } from '../model/weights.ts';
import { fromTimestamp, isTimestamp } from './timestamps.ts';

const trackings: Readonly<Record<string, Tracking>> = {
  TRACKING_UNSPECIFIED: 'ADAPTIVE',
  TRACKING_ADAPTIVE: 'ADAPTIVE',
  TRACKING_FULL: 'FULL',
  TRACKING_STATELESS: 'STATELESS',
};

const roles: Readonly<Record<string, Role | null>> = {
  ROLE_UNSPECIFIED: null,
  ROLE_ACTIVE: 'ACTIVE',
  ROLE_STANDBY: 'STANDBY',
};

const drainEnds: Readonly<Record<string, DrainEnd | null>> = {
  DRAIN_END_UNSPECIFIED: null,
  DRAIN_END_KEEP: 'KEEP',
  DRAIN_END_UNREGISTER: 'UNREGISTER',
};

/** What an enumeration's name stands for; a number is one that this version does not know. */
function readEnum<T>(names: Readonly<Record<string, T>>, value: string, field: string): T {
  const meaning = names[value];
  if (meaning !== undefined) return meaning;
  throw new DistributordError('INVALID_ARGUMENT', `${field} is unknown: ${value}`, {
    field,
    value,
  });
}

/** Absent and empty strings alike. */
function orNull(text: string): string | null {
  return text === '' ? null : text;
}

export function requirePresent<T>(message: T | null, field: string): T {
  if (message !== null) return message;
  throw new DistributordError('INVALID_ARGUMENT', `${field} is missing`, { field, value: '' });
}

export function readVip(message: VipMessage | null): VipRequest {
  const vip = requirePresent(message, 'vip');
  return {
    address: vip.address,
    attachment: vip.attachment === null ? null : readAttachment(vip.attachment),
    subnet: orNull(vip.subnet),
    gateway: orNull(vip.gateway),
    mtu: vip.mtu,
    tracking: readEnum(trackings, vip.tracking, 'vip.tracking'),
    tcpIdle: vip.tcp_idle_seconds,
    otherIdle: vip.other_idle_seconds,
  };
}

function readAttachment(attachment: AttachmentMessage): AttachmentRequest {
  const vlanIds = attachment.vlan_ids;
  if (attachment.port === 'mac') return { port: { mac: attachment.mac ?? '' }, vlanIds };
  const name = attachment.interface ?? '';
  if (name !== '') return { port: { interface: name }, vlanIds };
  throw new DistributordError(
    'INVALID_ATTACHMENT',
    'vip.attachment names no port: neither interface nor mac',
    { field: 'vip.attachment.interface', value: '' },
  );
}

export function readAmphorae(messages: readonly AmphoraMessage[]): readonly AmphoraRequest[] {
  if (messages.length === 0) throw missingAmphorae('amphorae');
  return messages.map((amphora, index) => ({
    id: amphora.id,
    ip: amphora.ip,
    mac: orNull(amphora.mac),
    weight: amphora._weight === 'weight' ? (amphora.weight ?? null) : null,
    position: amphora._position === 'position' ? (amphora.position ?? null) : null,
    role: readEnum(roles, amphora.role, `amphorae[${index}].role`),
  }));
}

export function readAmphoraIds(ids: readonly string[]): readonly { readonly id: string }[] {
  if (ids.length === 0) throw missingAmphorae('amphora_ids');
  return ids.map((id) => ({ id }));
}

export function readDrain({ deadline, then, force }: DrainMessage): DrainRequest {
  return {
    deadline: readTime(deadline, 'deadline'),
    then: readEnum(drainEnds, then, 'then'),
    force,
  };
}

function readTime(timestamp: Timestamp | null, field: string): number | null {
  if (timestamp === null || isTimestamp(timestamp)) return fromTimestamp(timestamp);
  const value = `${timestamp.seconds} s ${timestamp.nanos} ns`;
  throw new DistributordError(
    'INVALID_DEADLINE',
    `${field} is no time of the years 1 to 9999: ${value}`,
    {
      field,
      value,
    },
  );
}

export function readWeights(weights: readonly WeightMessage[]): readonly WeightRequest[] {
  if (weights.length === 0) throw missingAmphorae('weights');
  return weights.map(({ amphora_id, weight }) => ({ amphoraId: amphora_id, weight }));
}

function missingAmphorae(field: string): DistributordError {
  return new DistributordError('INVALID_ARGUMENT', `${field} is empty`, { field, value: '' });
}
