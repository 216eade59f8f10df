// SPDX-License-Identifier: Apache-2.0
import type { EndOfDrain } from '../../../src/model/amphora.ts';
import type { Distributor } from '../../../src/model/distributor.ts';
import { DrainWatch } from '../../../src/reconcile/drain-watch.ts';
import type { Connections } from './connections.ts';
import { tcpIdle, udpIdle, type Program } from './program.ts';

/** The daemon's drain jobs over a program's records, and whether they end too early. */
export class DrainJobs {
  readonly #program: Program;
  readonly #connections: Connections;
  readonly #watches = new Map<string, DrainWatch>();
  /** By position. */
  readonly #packets = new Map<number, number>();

  constructor(program: Program, connections: Connections) {
    this.#program = program;
    this.#connections = connections;
  }

  notePacket(position: number): void {
    this.#packets.set(position, (this.#packets.get(position) ?? 0) + 1);
  }

  /** Looks at every drain that goes on, and returns those that are over. @throws if one is not */
  observe({ amphorae }: Distributor, now: number): readonly EndOfDrain[] {
    const ends: EndOfDrain[] = [];
    for (const amphora of amphorae) {
      if (amphora.state !== 'DRAINING' || amphora.drain.finished !== null) {
        this.#watches.delete(amphora.id);
        continue;
      }
      const known = this.#watches.get(amphora.id);
      const { startedAt } = amphora.drain;
      const watch = known?.amphora.drain.startedAt === startedAt ? known : new DrainWatch(amphora);
      watch.follow(amphora);
      this.#watches.set(amphora.id, watch);
      for (let looks = 0; looks < 2; looks++) watch.add(this.#sample(amphora.position, now));
      const outcome = watch.outcomeAt(now);
      if (outcome === null) continue;
      const alive = this.#connections.aliveAt(amphora.position);
      if (outcome === 'DRAINED' && alive.length > 0)
        throw new Error(`${amphora.id} counts as drained with ${alive.join(', ')}`);
      ends.push({ amphoraId: amphora.id, startedAt, outcome });
    }
    return ends;
  }

  #sample(position: number, now: number) {
    const { tcp, udp, closing } = this.#program.tally(position);
    return {
      now,
      clock: this.#program.now,
      tally: { tcp, udp, sctp: 0, other: 0, closing },
      packets: this.#packets.get(position) ?? 0,
      openings: this.#program.openings(position),
      tenure: tcpIdle + 1,
      unsettledSlots: 0,
      vips: [
        {
          ...{ tracking: 'ADAPTIVE' as const, idle: tcpIdle, otherIdle: udpIdle },
          ...{ age: 10 * tcpIdle, unpinned: 0 },
        },
      ],
    };
  }
}
