// SPDX-License-Identifier: Apache-2.0
import type { Distributor } from '../../../src/model/distributor.ts';
import type { ControlPlane } from './control-plane.ts';
import {
  closingTime,
  learningWindow,
  tcpIdle,
  udpIdle,
  type Packet,
  type Program,
  type Protocol,
} from './program.ts';

interface Connection {
  readonly protocol: Protocol;
  /** Whose turn it was at the position; null if none has its state, though the client may not know. */
  readonly tenure: number | null;
  lastPacket: number;
  /** More than its first packet has been seen: a lone SYN is no connection yet. */
  established: boolean;
  /** The client's side has closed it. */
  ended: boolean;
  /** Its end passed through the program's eyes. */
  endSeen: boolean;
}

/** Every connection there is, by the plain truth of who got its start. */
export class Connections {
  readonly #program: Program;
  readonly #control: ControlPlane;
  readonly #connections = new Map<string, Connection>();
  /** When slots last changed owner: UDP flows silent since may move. */
  #changedAt = 0;

  constructor(program: Program, control: ControlPlane) {
    this.#program = program;
    this.#control = control;
  }

  noteChange(): void {
    this.#changedAt = this.#program.now;
  }

  has(protocol: Protocol, flow: number): boolean {
    return this.#connections.has(`${protocol} ${flow}`);
  }

  datagramFlows(): readonly number[] {
    return [...this.#connections.keys()]
      .filter((key) => key.startsWith('udp '))
      .map((key) => Number(key.slice(4)));
  }

  /** Returns the position that got the packet. @throws if that is not its connection's */
  send(packet: Packet, distributor: Distributor): number | null {
    const key = `${packet.protocol} ${packet.flow}`;
    const known = this.#connections.get(key);
    const endSeen = packet.ends && !this.#program.isSettled(packet);
    const position = this.#program.send(packet);
    const tenure = position === null ? null : this.#control.tenureAt(position);
    if (known !== undefined && this.#isOwed(known, packet)) {
      if (tenure !== known.tenure)
        throw new Error(`${key} left amphora ${String(known.tenure)} for ${String(tenure)}`);
      known.lastPacket = this.#program.now;
      known.established = true;
      known.ended ||= packet.ends;
      known.endSeen ||= endSeen;
      return position;
    }
    this.#refuseDraining(packet, { known, position, distributor });
    const speaks = packet.starts || packet.protocol === 'udp';
    this.#connections.set(key, {
      protocol: packet.protocol,
      tenure: speaks ? tenure : null,
      lastPacket: this.#program.now,
      established: false,
      ended: packet.ends,
      endSeen,
    });
    return position;
  }

  /** TCP connections of the amphora at a position that would be lost if it went away now. */
  aliveAt(position: number): readonly string[] {
    const tenure = this.#control.tenureAt(position);
    if (tenure === null) return [];
    const { now, leeway } = this.#program;
    return [...this.#connections]
      .filter(([, { tenure: whose, protocol, established, lastPacket, ended }]) => {
        const idle = ended ? closingTime : tcpIdle;
        const isRecent = now - lastPacket + leeway <= idle;
        return protocol === 'tcp' && established && whose === tenure && isRecent;
      })
      .map(([key]) => key);
  }

  /** Whether the packet belongs to a connection that must not move. */
  #isOwed(connection: Connection, { protocol, starts }: Packet): boolean {
    if (starts) return false; // a tuple used again: whoever gets the SYN owns it
    if (connection.tenure === null || !this.#control.isPresent(connection.tenure)) return false;
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
    {
      known,
      position,
      distributor,
    }: {
      readonly known: Connection | undefined;
      readonly position: number | null;
      readonly distributor: Distributor;
    },
  ): void {
    const isReuse = known !== undefined && !known.endSeen;
    if (!packet.starts || isReuse || position === null) return;
    const amphora = distributor.amphorae.find((candidate) => candidate.position === position);
    if (amphora?.state !== 'ACTIVE')
      throw new Error(`new tcp ${packet.flow} went to position ${position}: ${amphora?.state}`);
  }
}
