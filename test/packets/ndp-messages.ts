// SPDX-License-Identifier: Apache-2.0
// Neighbour discovery (RFC 4861), right or wrong.
import { addressBytes, concat, macBytes } from './bytes.ts';
import { ndpMessage, type Message } from './messages.ts';

export interface NdpOption {
  readonly type: number;
  /** In units of 8 bytes, as the option says it; its true length unless it says otherwise. */
  readonly length?: number;
  /** Behind type and length; with them a multiple of 8 bytes. */
  readonly bytes: Uint8Array;
}

const SOURCE_LINK_LAYER_ADDRESS = 1;
const TARGET_LINK_LAYER_ADDRESS = 2;
const NONCE = 14;

/** RFC 3971, section 5.3.2: of `units` times 8 bytes. */
export function nonce(units = 1): NdpOption {
  return { type: NONCE, bytes: new Uint8Array(units * 8 - 2).fill(0x5a) };
}

export function sourceLinkLayer(mac: string): NdpOption {
  return { type: SOURCE_LINK_LAYER_ADDRESS, bytes: macBytes(mac) };
}

function targetLinkLayer(mac: string): NdpOption {
  return { type: TARGET_LINK_LAYER_ADDRESS, bytes: macBytes(mac) };
}

interface NdpFields {
  readonly target: string;
  readonly code?: number;
  /** Behind the link-layer address. */
  readonly options?: readonly NdpOption[];
  /** Behind all options. */
  readonly trailing?: Uint8Array;
}

export interface SolicitationFields extends NdpFields {
  /** Null leaves the option out, as a probe for duplicates must. */
  readonly sourceMac: string | null;
}

/** RFC 4861, section 4.3. */
export function solicitation({ sourceMac, ...fields }: SolicitationFields): Message {
  const address = sourceMac === null ? [] : [sourceLinkLayer(sourceMac)];
  return message({ type: 135, flags: 0 }, fields, address);
}

export interface AdvertisementFields extends NdpFields {
  /** Null leaves the option out. */
  readonly mac: string | null;
  readonly solicited: boolean;
  readonly override: boolean;
}

/** RFC 4861, section 4.4. */
export function advertisement(fields: AdvertisementFields): Message {
  const { mac, solicited, override, ...rest } = fields;
  const flags = (solicited ? 0x40 : 0) | (override ? 0x20 : 0);
  return message({ type: 136, flags }, rest, mac === null ? [] : [targetLinkLayer(mac)]);
}

function message(
  { type, flags }: { readonly type: number; readonly flags: number },
  { target, code = 0, options = [], trailing = new Uint8Array(0) }: NdpFields,
  address: readonly NdpOption[],
): Message {
  const header = Uint8Array.of(type, code, 0, 0, flags, 0, 0, 0);
  const encoded = [...address, ...options].map(optionBytes);
  return ndpMessage(concat(header, addressBytes(target), ...encoded, trailing));
}

function optionBytes({ type, bytes, length = (2 + bytes.length) / 8 }: NdpOption): Uint8Array {
  return concat(Uint8Array.of(type, length), bytes);
}
