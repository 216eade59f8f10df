// SPDX-License-Identifier: Apache-2.0
// Solicitations and advertisements about a VIP (RFC 4861, sections 6.1.1, 7.1.1 and 7.1.2).
import { onesSum, type FuzzFrame } from './frame.ts';
import { isGroupMac, macNumber } from './mac.ts';
import { ICMPV6, Walk } from './ip-walk.ts';
import type { Judgement } from './judgement.ts';
import * as verdicts from './verdicts.ts';
import { portAt, vipByIpv6 } from './world.ts';

const ROUTER_SOLICITATION = 133;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
/** Bytes before the options. */
const FIXED_PART: Readonly<Record<number, number>> = {
  [ROUTER_SOLICITATION]: 8,
  [SOLICITATION]: 24,
  [ADVERTISEMENT]: 24,
};
const LONGEST_MESSAGE = 256;
const SOURCE_ADDRESS = 1;
const TARGET_ADDRESS = 2;
const SOLICITED = 0x40;

export interface Ipv6At {
  /** Of the IPv6 header, which is all there. */
  readonly at: number;
  readonly attachment: number;
}

interface Message {
  /** Of the IPv6 header. */
  readonly header: number;
  /** Of the message. */
  readonly at: number;
  readonly end: number;
  readonly type: number;
  /** Bytes before the options. */
  readonly fixed: number;
}

const walk = new Walk();

/** Hop limit 255 proves that no router has passed it on. */
function messageIn(frame: FuzzFrame, header: number): Message | null {
  if (frame.u8(header) >>> 4 !== 6 || frame.u8(header + 7) !== 255) return null;
  const end = header + 40 + frame.u16(header + 4);
  walk.ipv6(frame, header, Math.min(end, frame.length));
  if (walk.defects !== 0 || walk.part !== 'whole' || walk.protocol !== ICMPV6) return null;
  const { at } = walk;
  if (at + 8 > Math.min(end, frame.length)) return null;
  const type = frame.u8(at);
  const fixed = FIXED_PART[type];
  if (fixed === undefined || at + fixed > Math.min(end, frame.length)) return null;
  return { header, at, end, type, fixed };
}

/** False if the packet is no such message, or is about no VIP: then it is a packet like any other. */
export function judgeNeighbour(frame: FuzzFrame, packet: Ipv6At, judgement: Judgement): boolean {
  const message = messageIn(frame, packet.at);
  if (message === null) return false;
  const { type, at } = message;
  const asks = type !== ADVERTISEMENT;
  const source = packet.at + 8;
  const target = at + 8;
  let vipAt = asks ? source : target;
  let vip = vipByIpv6(packet.attachment, frame.view, vipAt);
  const claims = vip >= 0;
  if (!claims) {
    if (type !== SOLICITATION) return false;
    vipAt = target;
    vip = vipByIpv6(packet.attachment, frame.view, vipAt);
    if (vip < 0) return false;
  }
  judgement.vip = vip;
  judgement.answer.vipAt = vipAt;
  judgeMessage(frame, message, { judgement, claims });
  return true;
}

function judgeMessage(
  frame: FuzzFrame,
  message: Message,
  { judgement, claims }: { readonly judgement: Judgement; readonly claims: boolean },
): void {
  const { header, type } = message;
  const portMac = macNumber(portAt(frame.port).mac);
  const isProbe = isUnspecified(frame, header + 8);
  if (!claims && !frame.isGroup(0) && frame.mac(0) !== portMac) {
    judgement.allow(verdicts.PASS_OTHER_MAC);
    return;
  }
  if (message.end > frame.length) {
    judgement.allow(verdicts.DROP_TRUNCATED);
    return;
  }
  const sender = senderOf(frame, message);
  if (sender === null || !isValid(frame, message, sender))
    judgement.allow(verdicts.DROP_BAD_HEADER);
  else if (!claims && isProbe && !frame.isGroup(0)) judgement.allow(verdicts.DROP_BAD_HEADER);
  else if (!claims) {
    judgement.answer.to = sender.mac;
    judgement.answer.probe = isProbe;
    judgement.allow(verdicts.TX_ADVERTISEMENT);
  } else if (sender.mac === portMac || (type !== ADVERTISEMENT && !sender.fromOption))
    judgement.allow(verdicts.PASS_NOT_REQUEST);
  else judgement.allow(verdicts.TX_VIP_DEFENDED, verdicts.PASS_VIP_CLAIMED);
}

interface Sender {
  readonly mac: number;
  readonly fromOption: boolean;
}

/** Who sent the message, by its last option of the kind or by its frame; null: not well-formed. */
function senderOf(frame: FuzzFrame, { at, end, type, fixed }: Message): Sender | null {
  const wanted = type === ADVERTISEMENT ? TARGET_ADDRESS : SOURCE_ADDRESS;
  let sender: Sender = { mac: frame.mac(6), fromOption: false };
  for (let option = at + fixed; option < end;) {
    if (option + 8 > end) return null;
    const length = frame.u8(option + 1) * 8;
    if (length === 0 || option + length > end) return null;
    if (frame.u8(option) === wanted) sender = { mac: frame.mac(option + 2), fromOption: true };
    option += length;
  }
  return sender;
}

function isValid(frame: FuzzFrame, message: Message, sender: Sender): boolean {
  const { header, at, end, type } = message;
  const length = end - at;
  if (length > LONGEST_MESSAGE || length % 8 !== 0) return false;
  if (frame.u8(at + 1) !== 0 || icmpv6Sum(frame, message) !== 0xffff) return false;
  if (frame.isGroup(6) || isGroupMac(sender.mac)) return false;
  if (frame.u8(header + 8) === 0xff) return false;
  const toGroup = frame.u8(header + 24) === 0xff;
  if (type === ADVERTISEMENT) return !(toGroup && (frame.u8(at + 4) & SOLICITED) !== 0);
  if (type === ROUTER_SOLICITATION || !isUnspecified(frame, header + 8)) return true;
  return isSolicitedNode(frame, header + 24) && !sender.fromOption;
}

/** RFC 8200, section 8.1; 0xffff if the checksum is right. */
function icmpv6Sum(frame: FuzzFrame, { header, at, end }: Message): number {
  const addresses = onesSum(frame.view, header + 8, header + 40);
  let sum = addresses + onesSum(frame.view, at, end) + (end - at) + ICMPV6;
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
