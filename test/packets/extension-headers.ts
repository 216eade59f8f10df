// SPDX-License-Identifier: Apache-2.0
// IPv6 extension headers (RFC 8200, section 4), in any order.
import { concat, unsigned } from './bytes.ts';

export interface Fragment {
  /** Which bytes of all that could be cut: a multiple of 8 … */
  readonly offset: number;
  /** … and all the rest, unless it says otherwise. */
  readonly length?: number;
  /** Whether bytes follow, unless it says otherwise. */
  readonly more?: boolean;
}

/** The bytes of a fragment, and its flag. */
export function cut(whole: Uint8Array, { offset, length = whole.length, more }: Fragment) {
  const end = offset + length;
  return { bytes: whole.slice(offset, end), more: more ?? end < whole.length };
}

export interface Extension {
  /** Next header value that announces it. */
  readonly number: number;
  readonly fragment?: Identified;
  /** Itself, and what it leaves of all that follows. */
  before(nextHeader: number, rest: Uint8Array): Uint8Array;
  /** Bytes of itself. */
  readonly length: number;
}

interface Identified extends Fragment {
  readonly id?: number;
}

interface Size {
  /** Bytes. */
  readonly length?: number;
  /** What its length field says, in the field's units, instead of the truth. */
  readonly lengthField?: number;
}

export const HOP_BY_HOP = 0;
export const ROUTING = 43;
export const FRAGMENT = 44;
export const AUTHENTICATION = 51;
export const DESTINATION_OPTIONS = 60;

export const hopByHop = (size: Size = {}) => sized(HOP_BY_HOP, size);
export const routing = (size: Size = {}) => sized(ROUTING, size);
export const destinationOptions = (size: Size = {}) => sized(DESTINATION_OPTIONS, size);

/** RFC 4302: its length field counts units of 4 bytes, less 2. */
export function authentication({ length = 24, ...size }: Size = {}): Extension {
  return plain({ number: AUTHENTICATION, length, lengthField: length / 4 - 2, ...size });
}

/** Without offset and more fragments it is atomic (RFC 6946): the packet is whole. */
export function fragmentHeader(fragment: Identified = { offset: 0 }): Extension {
  const { id = 1, offset } = fragment;
  return {
    number: FRAGMENT,
    fragment,
    length: 8,
    before: (nextHeader, rest) => {
      const { bytes, more } = cut(rest, fragment);
      const word = offset | (more ? 1 : 0);
      return concat(Uint8Array.of(nextHeader, 0), unsigned(2, word), unsigned(4, id), bytes);
    },
  };
}

function sized(number: number, { length = 8, lengthField = length / 8 - 1 }: Size): Extension {
  return plain({ number, length, lengthField });
}

/** Zeros within: options of padding, or a routing header without segments left. */
function plain(header: { number: number; length: number; lengthField: number }): Extension {
  const { number, length, lengthField } = header;
  const contents = new Uint8Array(length - 2);
  return {
    number,
    length,
    before: (nextHeader, rest) => concat(Uint8Array.of(nextHeader, lengthField), contents, rest),
  };
}
