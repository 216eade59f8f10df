// SPDX-License-Identifier: Apache-2.0
// What may become of a frame: a parser of its own, written from the RFCs and docs/, that shares
// nothing with bpf/. Where a frame has several faults, any of them may be the one it is dropped for.
import { judgeArp } from './arp-oracle.ts';
import { endsBoth, type Says } from './ends-oracle.ts';
import type { FuzzFrame } from './frame.ts';
import { macNumber } from './mac.ts';
import { judgeIcmpError, isIcmpError } from './icmp-oracle.ts';
import { bytesNeeded, ICMP, ICMPV6, SCTP, TCP, hasPorts, Walk } from './ip-walk.ts';
import { Judgement } from './judgement.ts';
import { judgeNeighbour } from './ndp-oracle.ts';
import { Placement, type Flow } from './placement.ts';
import type { Tenants } from './tenants.ts';
import * as verdicts from './verdicts.ts';
import { attachmentOf, portAt, vipAt, vipByIpv4, vipByIpv6, type Vip } from './world.ts';

const TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
const VID = 0x0fff;
const ARP = 0x0806;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;

export class Oracle {
  readonly judgement = new Judgement();
  readonly #placement: Placement;
  readonly #walk = new Walk();

  constructor(tenants: Tenants) {
    this.#placement = new Placement(tenants);
  }

  judge(frame: FuzzFrame): Judgement {
    const { judgement } = this;
    judgement.clear();
    let type = frame.u16(12);
    let at = 14;
    const tags = [0, 0];
    for (let depth = 0; depth < tags.length && TAGS.has(type); depth++, at += 4) {
      if (at + 4 > frame.length) return this.#notForVip();
      tags[depth] = frame.u16(at) & VID;
      type = frame.u16(at + 2);
    }
    judgement.networkOffset = at;
    const attachment = attachmentOf(frame.port, tags[0] ?? 0, tags[1] ?? 0);
    if (type === ARP) judgeArp(frame, { at, attachment }, judgement);
    else if (type === IPV4) this.#judgeIpv4(frame, at, attachment);
    else if (type === IPV6) this.#judgeIpv6(frame, at, attachment);
    else return this.#notForVip();
    return judgement;
  }

  #judgeIpv4(frame: FuzzFrame, at: number, attachment: number): void {
    if (at + IPV4_HEADER > frame.length) return void this.#notForVip();
    if (!this.#isForVip(frame, vipByIpv4(attachment, frame.u32(at + 16)))) return;
    const headerLength = (frame.u8(at) & 0xf) * 4;
    const totalLength = frame.u16(at + 2);
    let defects = 0;
    const isSound = frame.u8(at) >>> 4 === 4 && headerLength >= IPV4_HEADER;
    if (!isSound || totalLength < headerLength) defects |= verdicts.oneOf(verdicts.DROP_BAD_HEADER);
    if (at + Math.max(totalLength, headerLength) > frame.length)
      defects |= verdicts.oneOf(verdicts.DROP_TRUNCATED);
    if (frame.u8(at + 8) <= 1) defects |= verdicts.oneOf(verdicts.DROP_TTL_EXPIRED);
    if (defects !== 0) return void (this.judgement.allowed = defects);
    this.judgement.accounted = at + totalLength;
    this.#walk.ipv4(frame, at);
    this.#judgeTransport(frame, this.#placement.flow4(frame, at + 12));
  }

  #judgeIpv6(frame: FuzzFrame, at: number, attachment: number): void {
    if (at + IPV6_HEADER > frame.length) return void this.#notForVip();
    if (isMapped(frame, at + 24)) return void this.#notForVip();
    if (judgeNeighbour(frame, { at, attachment }, this.judgement)) return;
    if (!this.#isForVip(frame, vipByIpv6(attachment, frame.view, at + 24))) return;
    const end = at + IPV6_HEADER + frame.u16(at + 4);
    let defects = 0;
    if (frame.u8(at) >>> 4 !== 6 || isMapped(frame, at + 8) || frame.u8(at + 8) === 0xff)
      defects |= verdicts.oneOf(verdicts.DROP_BAD_HEADER);
    if (frame.u8(at + 7) <= 1) defects |= verdicts.oneOf(verdicts.DROP_TTL_EXPIRED);
    if (end > frame.length) defects |= verdicts.oneOf(verdicts.DROP_TRUNCATED);
    if (defects !== 0) return void (this.judgement.allowed = defects);
    this.judgement.accounted = end;
    this.#walk.ipv6(frame, at, end);
    this.#judgeTransport(frame, this.#placement.flow6(frame, at + 8));
  }

  #judgeTransport(frame: FuzzFrame, flow: Flow): void {
    const { judgement } = this;
    const walk = this.#walk;
    const vip = vipAt(judgement.vip);
    judgement.allowed = walk.defects;
    // An extension header that is cut off behind a first fragment's hides the ports, too.
    if (walk.defects !== 0 && walk.part !== 'first') return;
    flow.protocol = walk.protocol;
    flow.starts = false;
    const left = walk.defects !== 0 ? -1 : judgement.accounted - walk.at;
    if (walk.part === 'later') {
      this.#placement.laterFragment(judgement, vip, walk);
      return;
    }
    if (left < bytesNeeded(walk, vip.family)) {
      if (walk.part === 'whole') judgement.allow(verdicts.DROP_TRUNCATED);
      else this.#placement.tinyFragment(judgement, vip, walk);
      return;
    }
    readPorts(frame, walk, { vip, flow });
    judgement.says = readEnds(frame, walk, flow);
    if (this.#isIcmp(walk.protocol, vip)) {
      const type = frame.u8(walk.at);
      if (isIcmpError(type, vip.family)) {
        if (walk.part === 'first') judgement.allow(verdicts.DROP_ICMP_ERROR);
        else judgeIcmpError(frame, { vip, walk, end: judgement.accounted }, this.#placement);
        return;
      }
      if (vip.family === 6 && type >= 133 && type <= 137) {
        judgement.allow(verdicts.PASS_NOT_REQUEST);
        return;
      }
    }
    if (walk.part === 'first') this.#placement.firstFragment(judgement, vip, walk);
    else this.#placement.whole(judgement, vip);
  }

  #isIcmp(protocol: number, { family }: Vip): boolean {
    return protocol === (family === 4 ? ICMP : ICMPV6);
  }

  #isForVip(frame: FuzzFrame, vip: number): boolean {
    const { judgement } = this;
    const portMac = macNumber(portAt(frame.port).mac);
    judgement.vip = vip;
    if (vip < 0) judgement.allow(verdicts.PASS_NOT_VIP);
    else if (frame.mac(0) !== portMac) judgement.allow(verdicts.PASS_OTHER_MAC);
    else if (frame.mac(6) === portMac) judgement.allow(verdicts.DROP_LOOP);
    else {
      this.#placement.begin(frame, judgement);
      return true;
    }
    return false;
  }

  #notForVip(): Judgement {
    this.judgement.allow(verdicts.PASS_NOT_VIP);
    return this.judgement;
  }
}

const SYN_ACK_RST = 0x16;
const SYN = 0x02;
const SCTP_INIT = 1;
const ECHO_REQUEST = { 4: 8, 6: 128 } as const;

function readPorts(
  frame: FuzzFrame,
  { at, protocol }: Walk,
  { vip, flow }: { readonly vip: Vip; readonly flow: Flow },
): void {
  flow.sourcePort = 0;
  flow.destinationPort = 0;
  if (hasPorts(protocol)) {
    flow.sourcePort = frame.u16(at);
    flow.destinationPort = frame.u16(at + 2);
  }
  if (protocol === TCP) flow.starts = (frame.u8(at + 13) & SYN_ACK_RST) === SYN;
  if (protocol === SCTP) flow.starts = frame.u8(at + 12) === SCTP_INIT;
  const isIcmp = protocol === (vip.family === 4 ? ICMP : ICMPV6);
  if (isIcmp && frame.u8(at) === ECHO_REQUEST[vip.family]) flow.sourcePort = frame.u16(at + 4);
}

function readEnds(frame: FuzzFrame, { at, protocol }: Walk, { starts }: Flow): Says {
  const flags = protocol === TCP ? frame.u8(at + 13) : 0;
  const chunk = protocol === SCTP ? frame.u8(at + 12) : 0;
  const acknowledgement = protocol === TCP ? frame.u32(at + 8) : 0;
  return { protocol, starts, endsBoth: endsBoth(protocol, { flags, chunk }), acknowledgement };
}

/** ::ffff:0:0/96 has no place on the wire. */
function isMapped(frame: FuzzFrame, at: number): boolean {
  return frame.u32(at) === 0 && frame.u32(at + 4) === 0 && frame.u32(at + 8) === 0xffff;
}
