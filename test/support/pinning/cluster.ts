// SPDX-License-Identifier: Apache-2.0
import { learningWindow, tcpIdle, udpIdle, type Packet, type Program } from './program.ts';

interface Amphora {
  readonly id: number;
  draining: boolean;
}

interface Connection {
  /** The amphora that has its state; null if none has, though the client may not know. */
  readonly amphora: number | null;
  lastPacket: number;
  /** Its end passed through the program's eyes. */
  closed: boolean;
}

/** Pseudo-random choice of slots' owners: any table may follow any other. */
function pick(seed: number, index: number): number {
  let x = (seed ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) >>> 0;
  return (x ^ (x >>> 13)) >>> 0;
}

/**
 * The program and the daemon's changes under a plain model that remembers the owner of
 * every connection. A packet at another amphora than its connection's, while that one is
 * registered and the connection not idle, is thrown as an error.
 */
export class Cluster {
  readonly #program: Program;
  readonly #positions: (Amphora | null)[] = [];
  readonly #connections = new Map<string, Connection>();
  /** When slots last changed owner: UDP flows silent since may move. */
  #changedAt = 0;
  #nextId = 1;

  constructor(program: Program) {
    this.#program = program;
  }

  register(seed: number): void {
    const free = this.#positions.indexOf(null);
    this.#occupy(free < 0 ? this.#positions.length : free);
    this.#assign(seed, []);
  }

  drain(which: number, seed: number): void {
    const amphora = this.#any(which);
    if (amphora === null) return;
    amphora.draining = true;
    this.#assign(seed, []);
  }

  cancelDrain(which: number, seed: number): void {
    const amphora = this.#any(which);
    if (amphora === null) return;
    amphora.draining = false;
    this.#assign(seed, []);
  }

  /** As weights do: the same amphorae, other slots. */
  reassign(seed: number): void {
    this.#assign(seed, []);
  }

  unregister(which: number, seed: number): void {
    const amphora = this.#any(which);
    if (amphora === null) return;
    const position = this.#positions.indexOf(amphora);
    this.#positions[position] = null;
    this.#assign(seed, [position + 1]);
    this.#program.vacate(position);
  }

  /** Another amphora takes the position of one that failed; no slot changes. */
  takeOver(which: number): void {
    const amphora = this.#any(which);
    if (amphora !== null) this.#occupy(this.#positions.indexOf(amphora));
  }

  double(): void {
    if (this.#program.table.size < 256) this.#program.double();
  }

  wait(seconds: number): void {
    this.#program.wait(seconds);
  }

  open(flow: number): void {
    this.#send({ flow, protocol: 'tcp', starts: true, ends: false });
  }

  data(flow: number): void {
    if (this.#connections.has(`tcp ${flow}`))
      this.#send({ flow, protocol: 'tcp', starts: false, ends: false });
  }

  close(flow: number): void {
    if (this.#connections.has(`tcp ${flow}`))
      this.#send({ flow, protocol: 'tcp', starts: false, ends: true });
  }

  datagram(flow: number): void {
    this.#send({ flow, protocol: 'udp', starts: false, ends: false });
  }

  /** Every datagram flow that is alive speaks up, as it must within the learning window. */
  datagrams(): void {
    for (const key of this.#connections.keys())
      if (key.startsWith('udp ')) this.datagram(Number(key.slice(4)));
  }

  #send(packet: Packet): void {
    const key = `${packet.protocol} ${packet.flow}`;
    const known = this.#connections.get(key);
    const endSeen = packet.ends && !this.#program.isSettled(packet);
    const position = this.#program.send(packet);
    const reached = position === null ? null : (this.#positions[position]?.id ?? null);
    if (known !== undefined && this.#isOwed(known, packet)) {
      if (reached !== known.amphora)
        throw new Error(`${key} left amphora ${String(known.amphora)} for ${String(reached)}`);
      known.lastPacket = this.#program.now;
      known.closed ||= endSeen;
      return;
    }
    this.#refuseDraining(packet, { known, position });
    const speaks = packet.starts || packet.protocol === 'udp';
    this.#connections.set(key, {
      amphora: speaks ? reached : null,
      lastPacket: this.#program.now,
      closed: endSeen,
    });
  }

  /** Whether the packet belongs to a connection that must not move. */
  #isOwed(connection: Connection, { protocol, starts }: Packet): boolean {
    if (starts) return false; // a tuple used again: whoever gets the SYN owns it
    if (!this.#positions.some((amphora) => amphora?.id === connection.amphora)) return false;
    const { now, leeway } = this.#program;
    const silent = now - connection.lastPacket + leeway;
    if (protocol === 'tcp') return silent <= tcpIdle;
    const heardSinceChange = connection.lastPacket > this.#changedAt;
    const learning = now + leeway < this.#changedAt + learningWindow;
    return silent <= udpIdle && (heardSinceChange || learning);
  }

  /**
   * A connection that is really new never reaches an amphora which drains. One whose tuple
   * was in use a moment ago may: the end that the amphora made of it passed elsewhere.
   */
  #refuseDraining(
    packet: Packet,
    { known, position }: { known: Connection | undefined; position: number | null },
  ): void {
    const isReuse = known !== undefined && !known.closed;
    if (!packet.starts || isReuse || position === null) return;
    if (this.#positions[position]?.draining === true)
      throw new Error(`new tcp ${packet.flow} went to draining position ${position}`);
  }

  #any(which: number): Amphora | null {
    const present = this.#positions.filter((amphora) => amphora !== null);
    return present.length === 0 ? null : (present[which % present.length] ?? null);
  }

  #occupy(position: number): void {
    this.#positions[position] = { id: this.#nextId++, draining: false };
    this.#program.occupy(position);
  }

  #assign(seed: number, retired: readonly number[]): void {
    const active = this.#positions.flatMap((amphora, position) =>
      amphora === null || amphora.draining ? [] : [position + 1],
    );
    const before = Array.from({ length: this.#program.table.size }, (_, i) =>
      this.#program.table.at(i),
    );
    const owners = before.map(({ current }, index) => {
      // Half of the slots stay if they can: real tables change little.
      const stays = active.includes(current) && pick(seed, index + 1000) % 2 === 0;
      return stays ? current : (active[pick(seed, index) % active.length] ?? 0);
    });
    this.#program.assign(owners, retired);
    this.#changedAt = this.#program.now;
  }
}
