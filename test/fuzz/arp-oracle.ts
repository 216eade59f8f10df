// SPDX-License-Identifier: Apache-2.0
import type { FuzzFrame } from './frame.ts';
import { macNumber } from './mac.ts';
import type { Judgement } from './judgement.ts';
import * as verdicts from './verdicts.ts';
import { portAt, vipByIpv4 } from './world.ts';

export const ARP_LENGTH = 28;
const REQUEST = 1;

/** Hardware type Ethernet, protocol type IPv4, and their lengths. */
const TYPES_AND_LENGTHS = [1, 0x0800, 0x0604] as const;

/** RFC 826; a frame whose ARP header begins at `at`. */
export function judgeArp(
  frame: FuzzFrame,
  { at, attachment }: { readonly at: number; readonly attachment: number },
  judgement: Judgement,
): void {
  const readable = at + ARP_LENGTH <= frame.length;
  if (!readable || !TYPES_AND_LENGTHS.every((word, index) => frame.u16(at + 2 * index) === word)) {
    judgement.allow(verdicts.PASS_NOT_VIP);
    return;
  }
  const portMac = macNumber(portAt(frame.port).mac);

  const claimed = vipByIpv4(attachment, frame.u32(at + 14));
  if (claimed >= 0) {
    judgement.vip = claimed;
    if (frame.mac(at + 8) === portMac) {
      judgement.allow(verdicts.PASS_NOT_REQUEST);
      return;
    }
    judgement.allow(verdicts.TX_VIP_DEFENDED, verdicts.PASS_VIP_CLAIMED);
    return;
  }
  judgement.vip = vipByIpv4(attachment, frame.u32(at + 24));
  if (judgement.vip < 0) {
    judgement.allow(verdicts.PASS_NOT_VIP);
    return;
  }
  if (!frame.isGroup(0) && frame.mac(0) !== portMac) {
    judgement.allow(verdicts.PASS_OTHER_MAC);
    return;
  }
  if (frame.isGroup(6)) {
    judgement.allow(verdicts.DROP_BAD_HEADER);
    return;
  }
  const asks = frame.u16(at + 6) === REQUEST;
  judgement.allow(asks ? verdicts.TX_ARP_REPLY : verdicts.PASS_NOT_REQUEST);
}
