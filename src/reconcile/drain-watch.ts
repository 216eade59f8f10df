// SPDX-License-Identifier: Apache-2.0
import type { FlowTally } from '../datapath/datapath.ts';
import type { DrainEnd, DrainingAmphora, DrainOutcome } from '../model/amphora.ts';
import {
  countsThatTell,
  isDrained,
  secondsToExact,
  type DrainObservation,
  type Unseen,
} from '../model/drain.ts';

export type DrainState = 'DRAINING' | DrainOutcome | 'CANCELLED' | 'UNREGISTERED';

/** How the drain of an amphora stands. Times are milliseconds since the epoch. */
export interface DrainReport {
  readonly amphoraId: string;
  readonly state: DrainState;
  readonly then: DrainEnd;
  readonly startedAt: number;
  readonly deadline: number | null;
  readonly finishedAt: number | null;
  /** null until counted. */
  readonly remaining: FlowTally | null;
  /** Until then connections may exist without being counted; null = at no time. */
  readonly exactFrom: number | null;
  readonly inexact: boolean;
  readonly packets: number;
  readonly intervalMs: number;
  /** null: none since the drain began. */
  readonly quietSeconds: number | null;
  readonly unsettledSlots: number;
}

/** One look at the data path. */
export interface DrainSample {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds of a clock that is never set. */
  readonly clock: number;
  readonly tally: FlowTally | null;
  /** To the amphora, since it took its position `tenure` seconds ago. */
  readonly packets: number;
  readonly tenure: number;
  /** Flows without an entry that came to it, ever. */
  readonly openings: number;
  readonly unsettledSlots: number;
  readonly vips: readonly SampledVip[];
}

/** A VIP whose connections are kept, as far as it matters to a drain. Seconds. */
export interface SampledVip {
  readonly tracking: 'ADAPTIVE' | 'FULL';
  /** The longest that a connection may be silent and live. */
  readonly idle: number;
  /** The same of protocols without a handshake. */
  readonly otherIdle: number;
  /** Since the VIP was plugged: records of flows are not older. */
  readonly age: number;
  /** Packets that found no room in the flow table, ever. */
  readonly unpinned: number;
}

/** Follows the drain of one amphora from the moment that it gets no new connections. */
export class DrainWatch {
  #amphora: DrainingAmphora;
  #first: DrainSample | null = null;
  #last: DrainSample | null = null;
  #before: DrainSample | null = null;
  /** Seconds of the samples' clock. */
  #lastPacket: number | null = null;
  #lastOpening = 0;
  #exactFrom: number | null = null;
  #counts: number[] = [];
  #remaining: FlowTally | null = null;

  constructor(amphora: DrainingAmphora) {
    this.#amphora = amphora;
  }

  get amphora(): DrainingAmphora {
    return this.#amphora;
  }

  /** The same job with another deadline or end. */
  follow(amphora: DrainingAmphora): void {
    this.#amphora = amphora;
  }

  /** To be called only with samples from after new connections were taken away. */
  add(sample: DrainSample): void {
    const before = (this.#first ??= sample);
    const last = this.#last ?? before;
    if (sample.packets !== last.packets) this.#lastPacket = sample.clock;
    if (sample.openings !== last.openings || this.#last === null) this.#lastOpening = sample.clock;
    this.#before = this.#last;
    this.#last = sample;
    const seconds = secondsToExact(this.#observation(sample));
    // Rounded, so that it stays the same while nothing happens; and it stays when it is past.
    if (seconds >= 0) this.#exactFrom = Math.round(sample.now / 1000 + seconds) * 1000;
    if (sample.tally === null) return;
    this.#remaining = sample.tally;
    this.#counts = [...this.#counts, total(sample.tally)].slice(-countsThatTell);
  }

  /** How the drain ends at `now`, milliseconds since the epoch; null if it goes on. */
  outcomeAt(now: number): DrainOutcome | null {
    if (this.#last !== null && isDrained(this.#observation(this.#last))) return 'DRAINED';
    const { deadline } = this.#amphora.drain;
    return deadline !== null && now >= deadline ? 'DEADLINE_PASSED' : null;
  }

  report(state: DrainState, finishedAt: number | null): DrainReport {
    const { id, drain } = this.#amphora;
    const [last, before] = [this.#last, this.#before ?? this.#last];
    const quiet = last === null || this.#lastPacket === null ? null : last.clock - this.#lastPacket;
    return {
      amphoraId: id,
      state,
      then: drain.then,
      startedAt: drain.startedAt,
      deadline: drain.deadline,
      finishedAt,
      remaining: this.#remaining,
      exactFrom: this.#exactFrom,
      inexact: this.#isInexact,
      packets: (last?.packets ?? 0) - (before?.packets ?? 0),
      intervalMs: Math.round(((last?.clock ?? 0) - (before?.clock ?? 0)) * 1000),
      quietSeconds: quiet === null ? null : Math.floor(quiet),
      unsettledSlots: last?.unsettledSlots ?? 0,
    };
  }

  get #isInexact(): boolean {
    return (
      this.#last !== null && this.#first !== null && unpinned(this.#last) !== unpinned(this.#first)
    );
  }

  #observation({ clock, packets, tenure, vips }: DrainSample): DrainObservation {
    const since = this.#first?.clock ?? clock;
    return {
      quiet: packets === 0 ? tenure : clock - (this.#lastPacket ?? since),
      sinceOpening: clock - this.#lastOpening,
      counts: this.#counts,
      inexact: this.#isInexact,
      idle: Math.max(0, ...vips.map(({ idle }) => idle)),
      unseen: vips.flatMap((vip) => this.#unseen(vip, clock - since)),
    };
  }

  #unseen(vip: SampledVip, withdrawn: number): readonly Unseen[] {
    const { tracking, idle, otherIdle, age } = vip;
    const hadRoom = this.#first !== null && unpinned(this.#first) === 0;
    if (tracking === 'ADAPTIVE' || !hadRoom) return [{ idle, watched: Math.min(age, withdrawn) }];
    // Flows of one packet had nothing but an opening, and no openings were watched before.
    return [
      { idle, watched: age },
      { idle: otherIdle, watched: Math.min(age, withdrawn) },
    ];
  }
}

function unpinned({ vips }: DrainSample): number {
  return vips.reduce((sum, vip) => sum + vip.unpinned, 0);
}

function total({ tcp, udp, sctp, other, closing }: FlowTally): number {
  return tcp + udp + sctp + other + closing;
}

/** A job that is over, as far as the record of it tells. */
export function finishedReport(
  { id, drain }: DrainingAmphora,
  finished: { readonly outcome: DrainOutcome; readonly at: number },
): DrainReport {
  return {
    amphoraId: id,
    state: finished.outcome,
    then: drain.then,
    startedAt: drain.startedAt,
    deadline: drain.deadline,
    finishedAt: finished.at,
    remaining: null,
    exactFrom: null,
    inexact: false,
    packets: 0,
    intervalMs: 0,
    quietSeconds: null,
    unsettledSlots: 0,
  };
}
