// SPDX-License-Identifier: Apache-2.0
// Neighbour solicitations and advertisements about a VIP (RFC 4861, sections 7.1.1 and 7.1.2).
import { onesSum, type FuzzFrame } from './frame.ts';
import { isGroupMac, macNumber } from './mac.ts';
import { ICMPV6 } from './ip-walk.ts';
import type { Judgement } from './judgement.ts';
import * as verdicts from './verdicts.ts';
import { portAt, vipByIpv6 } from './world.ts';

const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const FIXED_PART = 24;
const LONGEST_MESSAGE = 256;
const SOURCE_ADDRESS = 1;
const TARGET_ADDRESS = 2;
const SOLICITED = 0x40;

export interface Ipv6At {
  /** Of the IPv6 header, which is all there. */
  readonly at: number;
  readonly attachment: number;
}

/** False if the packet is no such message, or is about no VIP: then it is a packet like any other. */
export function judgeNeighbour(frame: FuzzFrame, packet: Ipv6At, judgement: Judgement): boolean {
  const { at } = packet;
  const message = at + 40;
  const length = frame.u16(at + 4);
  const isIcmpv6 = frame.u8(at) >>> 4 === 6 && frame.u8(at + 6) === ICMPV6;
  // Hop limit 255 proves that no router has passed it on.
  if (!isIcmpv6 || frame.u8(at + 7) !== 255 || length < FIXED_PART) return false;
  if (message + FIXED_PART > frame.length) return false;
  const type = frame.u8(message);
  if (type !== SOLICITATION && type !== ADVERTISEMENT) return false;
  const vip = vipByIpv6(packet.attachment, frame.view, message + 8);
  if (vip < 0) return false;

  judgement.vip = vip;
  const portMac = macNumber(portAt(frame.port).mac);
  if (type === SOLICITATION && !frame.isGroup(0) && frame.mac(0) !== portMac) {
    judgement.allow(verdicts.PASS_OTHER_MAC);
    return true;
  }
  if (message + length > frame.length) {
    judgement.allow(verdicts.DROP_TRUNCATED);
    return true;
  }
  const sender = senderOf(frame, at, type === SOLICITATION ? SOURCE_ADDRESS : TARGET_ADDRESS);
  if (sender === null || !isValid(frame, at, sender)) judgement.allow(verdicts.DROP_BAD_HEADER);
  else if (type === SOLICITATION) {
    judgement.answer.to = sender.mac;
    judgement.answer.probe = isUnspecified(frame, at + 8);
    judgement.allow(verdicts.TX_ADVERTISEMENT);
  } else if (sender.mac === portMac) judgement.allow(verdicts.PASS_NOT_REQUEST);
  else judgement.allow(verdicts.TX_VIP_DEFENDED, verdicts.PASS_VIP_CLAIMED);
  return true;
}

interface Sender {
  readonly mac: number;
  readonly fromOption: boolean;
}

/** Who sent the message, by its last option of the kind or by its frame; null: not well-formed. */
function senderOf(frame: FuzzFrame, at: number, wanted: number): Sender | null {
  const end = at + 40 + frame.u16(at + 4);
  let sender: Sender = { mac: frame.mac(6), fromOption: false };
  for (let option = at + 40 + FIXED_PART; option < end;) {
    if (option + 8 > end) return null;
    const length = frame.u8(option + 1) * 8;
    if (length === 0 || option + length > end) return null;
    if (frame.u8(option) === wanted) sender = { mac: frame.mac(option + 2), fromOption: true };
    option += length;
  }
  return sender;
}

function isValid(frame: FuzzFrame, at: number, sender: Sender): boolean {
  const message = at + 40;
  const length = frame.u16(at + 4);
  if (length > LONGEST_MESSAGE || length % 8 !== 0) return false;
  if (frame.u8(message + 1) !== 0 || icmpv6Sum(frame, at, length) !== 0xffff) return false;
  if (frame.isGroup(6) || isGroupMac(sender.mac)) return false;
  if (frame.u8(at + 8) === 0xff) return false;
  const toGroup = frame.u8(at + 24) === 0xff;
  if (frame.u8(message) === ADVERTISEMENT) {
    return !(toGroup && (frame.u8(message + 4) & SOLICITED) !== 0);
  }
  return !isUnspecified(frame, at + 8) || (isSolicitedNode(frame, at + 24) && !sender.fromOption);
}

/** RFC 8200, section 8.1; 0xffff if the checksum is right. */
function icmpv6Sum(frame: FuzzFrame, at: number, length: number): number {
  const addresses = onesSum(frame.view, at + 8, at + 40);
  let sum = addresses + onesSum(frame.view, at + 40, at + 40 + length) + length + ICMPV6;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function isUnspecified(frame: FuzzFrame, at: number): boolean {
  return [0, 4, 8, 12].every((offset) => frame.u32(at + offset) === 0);
}

/** ff02::1:ff00:0/104 */
function isSolicitedNode(frame: FuzzFrame, at: number): boolean {
  const prefix = [0xff020000, 0, 1].every((word, index) => frame.u32(at + 4 * index) === word);
  return prefix && frame.u8(at + 12) === 0xff;
}
