// SPDX-License-Identifier: Apache-2.0
import { native, type NativeSlotTable } from '../../../src/datapath/native.ts';
import {
  learningWindow,
  tallyOf,
  tcpIdle,
  udpIdle,
  type Packet,
  type Program,
  type Protocol,
  type Tally,
} from './program.ts';

interface FlowEntry {
  readonly protocol: Protocol;
  lastSeen: number;
  owner: number;
  generation: number;
  closing: boolean;
  /** Null after a start. */
  acknowledged: number | null;
  over: boolean;
}

const settled = 0;
const gone = 0xffff;

/**
 * What bpf/pin.h and bpf/select.h do, with a clock of its own, over a real SlotTable.
 */
export class ProgramModel implements Program {
  readonly leeway = 0;
  now = 10_000;
  table: NativeSlotTable;
  #learningUntil = 0;
  /** By position; null = empty. */
  readonly #generations: (number | null)[] = [];
  #lastGeneration = 0;
  readonly #flows = new Map<string, FlowEntry>();

  constructor(slots: number) {
    this.table = new native.SlotTable(slots);
  }

  /** The slot of a flow: as a hash would, high bits first, so that doubling splits slots. */
  #slotOf(flow: number): number {
    const hash = Math.imul(flow + 1, 0x9e3779b1) >>> 0;
    return Math.floor((hash / 2 ** 32) * this.table.size);
  }

  occupy(position: number): void {
    this.#generations[position] = ++this.#lastGeneration;
  }

  vacate(position: number): void {
    this.#generations[position] = null;
  }

  assign(owners: readonly number[], retired: readonly number[]): void {
    this.#learningUntil = this.now + learningWindow;
    this.table.apply({
      owners: Uint16Array.from(owners),
      retired: Uint16Array.from(retired),
      now: this.now,
    });
  }

  double(): void {
    const doubled = new native.SlotTable(this.table.size * 2);
    doubled.splitFrom({ smaller: this.table, now: this.now });
    this.table = doubled;
  }

  wait(seconds: number): void {
    this.now += seconds;
    this.table.settle({ now: this.now, idle: Math.max(tcpIdle, udpIdle) });
  }

  isSettled({ flow }: Packet): boolean {
    return this.table.at(this.#slotOf(flow)).previous === settled;
  }

  send(packet: Packet): number | null {
    const index = this.#slotOf(packet.flow);
    const slot = this.table.at(index);
    if (slot.previous === settled) return this.#occupied(slot.current);

    const key = `${packet.protocol} ${packet.flow}`;
    const entry = this.#flows.get(key);
    if (entry !== undefined && !(packet.starts && entry.closing) && this.#isLive(entry, packet)) {
      entry.lastSeen = this.now;
      entry.closing ||= packet.ends;
      acknowledge(entry, packet);
      this.#touch(index, entry.owner);
      return entry.owner - 1;
    }
    const isNew = packet.starts || (packet.protocol === 'udp' && this.now >= this.#learningUntil);
    const owner = isNew || slot.previous === gone ? slot.current : slot.previous;
    const position = this.#occupied(owner);
    if (position === null) return null;
    this.#flows.set(key, {
      protocol: packet.protocol,
      lastSeen: this.now,
      owner,
      generation: this.#generations[position] ?? 0,
      closing: packet.ends,
      acknowledged: packet.starts ? null : (packet.acknowledges ?? 0),
      over: false,
    });
    this.#touch(index, owner);
    return position;
  }

  tally(position: number): Tally {
    const theirs = [...this.#flows.values()].filter(
      ({ owner, generation }) =>
        owner - 1 === position && generation === this.#generations[position],
    );
    return tallyOf(theirs.map((entry) => ({ ...entry, age: this.now - entry.lastSeen })));
  }

  /** A record is one that counts from the first packet on. */
  openings(): number {
    return 0;
  }

  #isLive(entry: FlowEntry, packet: Packet): boolean {
    const idle = packet.protocol === 'tcp' ? tcpIdle : udpIdle;
    return (
      this.#generations[entry.owner - 1] === entry.generation && this.now - entry.lastSeen <= idle
    );
  }

  #occupied(owner: number): number | null {
    return owner !== 0 && typeof this.#generations[owner - 1] === 'number' ? owner - 1 : null;
  }

  #touch(index: number, owner: number): void {
    const slot = this.table.at(index);
    if (slot.current !== owner) this.table.put(index, { ...slot, clock: this.now });
  }
}

/** The amphora's FIN takes exactly one sequence number. */
function acknowledge(entry: FlowEntry, { protocol, starts, acknowledges = 0 }: Packet): void {
  if (protocol !== 'tcp' || starts) return;
  const isOneMore =
    entry.acknowledged !== null && ((acknowledges - entry.acknowledged) & 0x7fff_ffff) === 1;
  entry.over = isOneMore && entry.closing;
  if (!isOneMore) entry.acknowledged = acknowledges;
}
