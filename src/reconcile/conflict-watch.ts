// SPDX-License-Identifier: Apache-2.0
import type { Datapath, VipClaim } from '../datapath/datapath.ts';
import type { Log } from '../log.ts';
import { vipKey, type Vip } from '../model/vip.ts';

/** Without another claim for so long a conflict counts as over; nanoseconds. */
const quiet = 60_000_000_000n;
/** Who claims with ever new MACs gets one line of log in this time, for each VIP; nanoseconds. */
const betweenEvents = 10_000_000_000n;
/** A claim may carry a time from before the last look and yet come to memory after it. */
const overlap = 100_000_000n;

interface Conflict extends VipClaim {
  readonly loggedAt: bigint;
}

/**
 * Follows other stations that claim a VIP. The data path answers a claim at once, but no two
 * within a second; what it left unanswered is answered here when the second is over.
 */
export class ConflictWatch {
  readonly #datapath: Datapath;
  readonly #log: Log;
  readonly #now: () => bigint;
  /** By VIP; those of VIPs that are gone end like the others. */
  readonly #conflicts = new Map<string, Conflict>();
  readonly #listeners: ((distributorId: string) => void)[] = [];
  #seen = 0n;

  constructor(datapath: Datapath, log: Log, now = () => process.hrtime.bigint()) {
    this.#datapath = datapath;
    this.#log = log;
    this.#now = now;
  }

  /** Calls with the id of a distributor whose VIP has another claimant now, or none. */
  onChange(listener: (distributorId: string) => void): void {
    this.#listeners.push(listener);
  }

  #tell(distributorId: string): void {
    for (const listener of this.#listeners) listener(distributorId);
  }

  /** To be called several times a second. */
  keepUp(): void {
    const looked = this.#now();
    for (const claim of this.#datapath.claimsSince(this.#seen)) this.#note(claim);
    this.#seen = looked - overlap;
    for (const [key, conflict] of this.#conflicts) {
      this.#defend(conflict);
      if (this.#now() - conflict.at <= quiet) continue;
      this.#conflicts.delete(key);
      this.#log.info({ ...describe(conflict), event: 'vip-conflict-over' }, 'VIP conflict is over');
      this.#tell(conflict.distributorId);
    }
  }

  /** The MAC that claims a distributor's VIP besides this host; null if none has for a while. */
  claimant(distributorId: string, vip: Vip): string | null {
    const conflict = this.#conflicts.get(vipKey(vip));
    return conflict?.distributorId === distributorId ? conflict.mac : null;
  }

  #note(claim: VipClaim): void {
    const key = vipKey(claim.vip);
    const known = this.#conflicts.get(key);
    const same = known?.distributorId === claim.distributorId ? known : null;
    const isEvent =
      same === null || (same.mac !== claim.mac && claim.at - same.loggedAt >= betweenEvents);
    this.#conflicts.set(key, { ...claim, loggedAt: isEvent ? claim.at : same.loggedAt });
    if (same?.mac !== claim.mac) this.#tell(claim.distributorId);
    if (isEvent)
      this.#log.warn(
        { ...describe(claim), event: 'vip-conflict' },
        'another station claims the VIP',
      );
  }

  #defend({ distributorId, vip, mac }: VipClaim): void {
    try {
      if (this.#datapath.defend(distributorId, vip))
        this.#log.debug({ vip: vip.address, mac }, 'announced again');
    } catch (error) {
      this.#log.warn({ vip: vip.address, err: error }, 'announcement failed');
    }
  }
}

function describe({ distributorId, vip, mac }: VipClaim): object {
  const { address, interface: port, vlanIds } = vip;
  return { distributor: distributorId, vip: address, interface: port, vlanIds, mac };
}
