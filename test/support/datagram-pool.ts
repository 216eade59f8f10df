// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import type { DatagramOptions, DatagramReport } from './client-protocol.ts';
import { mapConcurrently } from './concurrently.ts';
import { DatagramFlow } from './datagram-flow.ts';

/** How many may be under way at once: few enough for an amphora's socket buffer to hold them all. */
const UNDER_WAY = 8;
/** From one datagram of a flow to the next. */
const INTERVAL_MS = 200;
const DEFAULTS = { sourcePort: 0, lostAfterMs: 5000 };

/** Flows of datagrams, each of which has at most one under way. */
export class DatagramPool {
  #flows: readonly DatagramFlow[] = [];
  #rounds: Promise<void> | null = null;

  async open(options: DatagramOptions): Promise<DatagramReport[]> {
    const { clients, ...given } = options;
    const flowOptions = { ...DEFAULTS, ...given };
    const opened = await mapConcurrently(clients, UNDER_WAY, async (client) => {
      const flow = await DatagramFlow.open({ ...flowOptions, client });
      await flow.exchange();
      return flow;
    });
    this.#flows = [...this.#flows, ...opened];
    this.#rounds ??= this.#exchangeInRounds();
    return opened.map((flow) => flow.report());
  }

  report(): DatagramReport[] {
    return this.#flows.map((flow) => flow.report());
  }

  async close(): Promise<DatagramReport[]> {
    const flows = this.#flows;
    this.#flows = [];
    await this.#rounds;
    this.#rounds = null;
    for (const flow of flows) flow.close();
    return flows.map((flow) => flow.report());
  }

  async #exchangeInRounds(): Promise<void> {
    while (this.#flows.length > 0) {
      const round = mapConcurrently(this.#flows, UNDER_WAY, (flow) => flow.exchange());
      await Promise.all([round, delay(INTERVAL_MS)]);
    }
  }
}
