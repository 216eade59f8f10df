// SPDX-License-Identifier: Apache-2.0
// The frames that the data path answers with, built from the request by the RFCs.
import { ARP_LENGTH } from './arp-oracle.ts';
import { onesSum, type FuzzFrame } from './frame.ts';
import { ICMPV6 } from './ip-walk.ts';

const BROADCAST = 0xffff_ffff_ffff;
const ALL_NODES_MAC = 0x3333_0000_0001;
const REQUEST = 1;
const REPLY = 2;
const ADVERTISEMENT = 136;
const ADVERTISEMENT_LENGTH = 32;
const SOLICITED = 0x40;
const OVERRIDE = 0x20;
const TARGET_ADDRESS = 2;

/** RFC 826; what follows the packet stays. */
export function becomeArpReply(frame: FuzzFrame, at: number, mac: number): void {
  const { buffer } = frame;
  const sender = Buffer.from(buffer.subarray(at + 8, at + 18));
  const target = frame.u32(at + 24);
  setMac(frame, 0, frame.mac(6));
  setMac(frame, 6, mac);
  frame.view.setUint16(at + 6, REPLY);
  setMac(frame, at + 8, mac);
  frame.view.setUint32(at + 14, target);
  buffer.set(sender, at + 18);
}

/** RFC 5227, section 1.1: an ARP announcement. */
export function becomeArpAnnouncement(frame: FuzzFrame, at: number, mac: number): void {
  const vip = frame.u32(at + ARP_LENGTH - 14);
  setMac(frame, 0, BROADCAST);
  setMac(frame, 6, mac);
  frame.view.setUint16(at + 6, REQUEST);
  setMac(frame, at + 8, mac);
  setMac(frame, at + 18, 0);
  frame.view.setUint32(at + 24, vip);
}

export interface Advertised {
  /** Of the IPv6 header. */
  readonly at: number;
  readonly mac: number;
  /** Who asked; null: to all nodes, unasked. */
  readonly to: number | null;
  /** Where the VIP stands in the frame. */
  readonly vipAt: number;
}

/** RFC 4861, section 4.4; traffic class and flow label are the request's. */
export function becomeAdvertisement(frame: FuzzFrame, { at, mac, to, vipAt }: Advertised): void {
  const { buffer, view } = frame;
  const target = Buffer.from(buffer.subarray(vipAt, vipAt + 16));
  setMac(frame, 0, to ?? ALL_NODES_MAC);
  setMac(frame, 6, mac);
  view.setUint16(at + 4, ADVERTISEMENT_LENGTH);
  view.setUint8(at + 6, ICMPV6);
  view.setUint8(at + 7, 255);
  if (to === null) {
    buffer.fill(0, at + 24, at + 40);
    view.setUint16(at + 24, 0xff02);
    view.setUint8(at + 39, 1);
  } else buffer.copyWithin(at + 24, at + 8, at + 24);
  buffer.set(target, at + 8);

  const message = at + 40;
  buffer.fill(0, message, message + ADVERTISEMENT_LENGTH);
  view.setUint8(message, ADVERTISEMENT);
  view.setUint8(message + 4, to === null ? OVERRIDE : OVERRIDE | SOLICITED);
  buffer.set(target, message + 8);
  view.setUint8(message + 24, TARGET_ADDRESS);
  view.setUint8(message + 25, 1);
  setMac(frame, message + 26, mac);
  frame.length = message + ADVERTISEMENT_LENGTH;
  const sum = onesSum(view, at + 8, frame.length) + ADVERTISEMENT_LENGTH + ICMPV6;
  view.setUint16(message + 2, ~((sum & 0xffff) + (sum >>> 16)));
}

export function setMac(frame: FuzzFrame, offset: number, mac: number): void {
  frame.view.setUint16(offset, Math.floor(mac / 2 ** 32));
  frame.view.setUint32(offset + 2, mac % 2 ** 32);
}
