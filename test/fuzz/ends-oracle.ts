// SPDX-License-Identifier: Apache-2.0
// What an entry may say, after a packet, of whether its connection is over: bpf/abi.h and the RFCs
// (9293: a FIN takes one sequence number; 9260: what ends an association).
import type { NativeFlow } from '../../src/datapath/native.ts';
import { SCTP, TCP } from './ip-walk.ts';
import * as verdicts from './verdicts.ts';

/** What a transport header says of its connection. */
export interface Says {
  readonly protocol: number;
  readonly starts: boolean;
  /** For both sides: TCP RST, the ends of SCTP. */
  readonly endsBoth: boolean;
  readonly acknowledgement: number;
}

const RST = 0x04;
/** ABORT, SHUTDOWN ACK, SHUTDOWN COMPLETE. */
const SCTP_ENDS: ReadonlySet<number> = new Set([6, 8, 14]);

/** `flags`: of TCP; `chunk`: the first one's type, of SCTP. */
export function endsBoth(protocol: number, { flags, chunk }: { flags: number; chunk: number }) {
  return protocol === TCP ? (flags & RST) !== 0 : protocol === SCTP && SCTP_ENDS.has(chunk);
}

type Word = Pick<NativeFlow, 'acknowledged' | 'over'>;

interface Passage {
  /** Null: a later fragment's, which has no header. */
  readonly says: Says | null;
  readonly verdict: number;
  /** The flow's entry; null = it has none. */
  readonly before: NativeFlow | null;
  readonly after: NativeFlow | null;
  /** The entry of before counts. */
  readonly isLive: boolean;
}

const NUMBER = 0x7fff_ffff;
/** As much of a number as an opening keeps. */
const KEPT = 0x7fff;
const nothing: Word = { acknowledged: 0, over: false };

export function mayBecome(passage: Passage): boolean {
  const { before, after, verdict, isLive } = passage;
  if (after === null) return before === null;
  if (before !== null && same(before, after) && !mustChange(passage)) return true;
  if (verdict === verdicts.TX_PINNED)
    return (
      (before !== null && same(follow(before, passage), after)) ||
      (!(isLive && before?.closing === false) && mayConfirm(passage))
    );
  // An entry that counts no longer is used again; what has none gets none with its first packet.
  const isFirst = verdict === verdicts.TX_NEW || verdict === verdicts.TX_PREVIOUS;
  return isFirst && before !== null && same(follow(null, passage), after);
}

function mustChange({ says, verdict, before }: Passage): boolean {
  return verdict === verdicts.TX_PINNED && says?.starts === false && before?.closing === false;
}

/** The word after a packet, if it was `word` before; null = nothing was known. */
function follow(word: Word | null, { says, after }: Passage): Word {
  const { acknowledged, over } = word ?? nothing;
  if (says === null || says.starts) return { acknowledged, over };
  if (says.endsBoth) return { acknowledged, over: true };
  if (says.protocol !== TCP) return nothing;
  const isOneMore = word !== null && ((says.acknowledgement - acknowledged) & NUMBER) === 1;
  if (isOneMore) return { acknowledged, over: after?.closing === true };
  return { acknowledged: says.acknowledgement & NUMBER, over: false };
}

/** Whether the packet may have made the entry of an opening, of which only that much is known. */
function mayConfirm(passage: Passage): boolean {
  const { says, after } = passage;
  if (after === null || says?.starts === true) return false;
  if (says === null || says.endsBoth)
    return after.acknowledged <= KEPT && after.over === (says !== null);
  const oneLess = { acknowledged: (says.acknowledgement - 1) & NUMBER, over: false };
  const words = [follow(null, passage), follow(oneLess, passage)];
  return words.some((word) => same(word, after));
}

function same(a: Word, b: Word): boolean {
  return a.acknowledged === b.acknowledged && a.over === b.over;
}
