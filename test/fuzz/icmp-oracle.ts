// SPDX-License-Identifier: Apache-2.0
// ICMP errors (RFC 792, RFC 4443): the flow is that of the packet inside, from the VIP to a client.
import type { FuzzFrame } from './frame.ts';
import { hasPorts, ICMP, ICMPV6, Walk } from './ip-walk.ts';
import type { Placement } from './placement.ts';
import * as verdicts from './verdicts.ts';
import type { Vip } from './world.ts';

const IPV4_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);
const ICMPV6_INFORMATIONAL = 128;
const ECHO_REPLY = { 4: 0, 6: 129 } as const;

export function isIcmpError(type: number, family: 4 | 6): boolean {
  return family === 4 ? IPV4_ERRORS.has(type) : type < ICMPV6_INFORMATIONAL;
}

export interface IcmpErrorAt {
  readonly vip: Vip;
  /** Stands at the ICMP header. */
  readonly walk: Walk;
  readonly end: number;
}

const inner = new Walk();

export function judgeIcmpError(
  frame: FuzzFrame,
  { vip, walk, end }: IcmpErrorAt,
  placement: Placement,
): void {
  const { judgement } = placement;
  const header = walk.at + 8;
  const fixed = vip.family === 4 ? 20 : 40;
  if (header + fixed > end) {
    judgement.allow(verdicts.DROP_TRUNCATED);
    return;
  }
  const outerTo = judgement.networkOffset + (vip.family === 4 ? 16 : 24);
  const innerFrom = header + (vip.family === 4 ? 12 : 8);
  const length = vip.family === 4 ? 4 : 16;
  const isFromVip = frame.buffer.compare(
    frame.buffer,
    ...([outerTo, outerTo + length, innerFrom, innerFrom + length] as const),
  );
  if (frame.u8(header) >>> 4 !== vip.family || isFromVip !== 0)
    judgement.allow(verdicts.DROP_ICMP_ERROR);
  const flow =
    vip.family === 4
      ? placement.flow4(frame, innerFrom + length)
      : placement.flow6(frame, innerFrom + length);
  if (vip.family === 4) {
    if ((frame.u8(header) & 0xf) < 5) {
      judgement.allow(verdicts.DROP_ICMP_ERROR);
      return;
    }
    inner.ipv4(frame, header);
  } else inner.ipv6(frame, header, end);
  if (inner.defects !== 0) judgement.allow(verdicts.DROP_ICMP_ERROR, verdicts.DROP_TRUNCATED);
  if (inner.at > end) judgement.allow(verdicts.DROP_TRUNCATED);
  if (vip.family === 6 && placement.isMapped) judgement.allow(verdicts.DROP_ICMP_ERROR);
  if (judgement.allowed !== 0) {
    if (inner.hidesFlags) judgement.allow(verdicts.DROP_ICMP_ERROR);
    return;
  }

  flow.protocol = inner.protocol;
  flow.starts = false;
  flow.sourcePort = 0;
  flow.destinationPort = 0;
  if (inner.part === 'later') {
    placement.errorAboutLaterFragment(judgement, vip, inner);
    return;
  }
  const isIcmp = inner.protocol === (vip.family === 4 ? ICMP : ICMPV6);
  const needed = hasPorts(inner.protocol) ? 4 : isIcmp ? 8 : 0;
  if (inner.at + needed > end) {
    judgement.allow(verdicts.DROP_TRUNCATED);
    return;
  }
  if (hasPorts(inner.protocol)) {
    flow.sourcePort = frame.u16(inner.at + 2);
    flow.destinationPort = frame.u16(inner.at);
  } else if (isIcmp) {
    const type = frame.u8(inner.at);
    if (isIcmpError(type, vip.family)) {
      judgement.allow(verdicts.DROP_ICMP_ERROR);
      return;
    }
    if (type === ECHO_REPLY[vip.family]) flow.sourcePort = frame.u16(inner.at + 4);
  }
  placement.error(judgement, vip);
}
