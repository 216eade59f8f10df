// SPDX-License-Identifier: Apache-2.0
import type { Datapath } from '../datapath/datapath.ts';
import type { Log } from '../log.ts';
import { vipKey, type VipPlace } from '../model/vip.ts';

/** On a link that may lose one (RFC 4861, section 7.2.6). */
const announcements = 3;
const intervalMs = 1000;

/** Tells the link that a VIP is here now, several times, without making the caller wait. */
export class Announcer {
  readonly #datapath: Datapath;
  readonly #log: Log;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(datapath: Datapath, log: Log) {
    this.#datapath = datapath;
    this.#log = log;
  }

  /** The first announcement is out when this returns, unless the port is down. */
  announce(vip: VipPlace): void {
    this.stop(vip);
    this.#send(vip);
    this.#repeat(vip, announcements - 1);
  }

  stop(vip: VipPlace): void {
    clearTimeout(this.#timers.get(vipKey(vip)));
    this.#timers.delete(vipKey(vip));
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #send(vip: VipPlace): void {
    try {
      this.#datapath.announce(vip);
    } catch (error) {
      this.#log.warn({ vip: vip.address, err: error }, 'announcement failed');
    }
  }

  #repeat(vip: VipPlace, left: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(vipKey(vip));
      this.#send(vip);
      if (left > 1) this.#repeat(vip, left - 1);
    }, intervalMs);
    this.#timers.set(vipKey(vip), timer);
  }
}
