// SPDX-License-Identifier: Apache-2.0
// From the wire to what the driver takes. Presence is decided here; values are checked by
// the model.
import type { Amphora__Output as AmphoraMessage } from '../../build/proto/distributor/v1/Amphora.ts';
import type { Attachment__Output as AttachmentMessage } from '../../build/proto/distributor/v1/Attachment.ts';
import type { Vip__Output as VipMessage } from '../../build/proto/distributor/v1/Vip.ts';
import { DistributordError } from '../errors.ts';
import type { Tracking } from '../model/affinity.ts';
import type { AmphoraRequest } from '../model/amphora.ts';
import type { AttachmentRequest, VipRequest } from '../model/vip.ts';

const trackings: Readonly<Record<string, Tracking>> = {
  TRACKING_UNSPECIFIED: 'ADAPTIVE',
  TRACKING_ADAPTIVE: 'ADAPTIVE',
  TRACKING_FULL: 'FULL',
  TRACKING_STATELESS: 'STATELESS',
};

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
  const tracking = trackings[vip.tracking];
  if (tracking === undefined)
    throw new DistributordError('INVALID_ARGUMENT', `vip.tracking is unknown: ${vip.tracking}`, {
      field: 'vip.tracking',
      value: vip.tracking,
    });
  return {
    address: vip.address,
    attachment: vip.attachment === null ? null : readAttachment(vip.attachment),
    subnet: orNull(vip.subnet),
    gateway: orNull(vip.gateway),
    tracking,
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
  return messages.map((amphora) => ({
    id: amphora.id,
    ip: amphora.ip,
    mac: orNull(amphora.mac),
    weight: amphora._weight === 'weight' ? (amphora.weight ?? null) : null,
    position: amphora._position === 'position' ? (amphora.position ?? null) : null,
  }));
}

export function readAmphoraIds(ids: readonly string[]): readonly { readonly id: string }[] {
  if (ids.length === 0) throw missingAmphorae('amphora_ids');
  return ids.map((id) => ({ id }));
}

function missingAmphorae(field: string): DistributordError {
  return new DistributordError('INVALID_ARGUMENT', `${field} is empty`, { field, value: '' });
}
