// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { positionCapacity } from '../model/table-size.ts';
import type { Port, VipPlace } from '../model/vip.ts';
import type { Operation } from '../plan/operation.ts';
import type { DatapathState, WatchedNeighbour } from '../plan/wanted.ts';
import type {
  Adoption,
  Datapath,
  FlowSweep,
  FlowTally,
  PortState,
  PositionCounts,
  PositionOf,
  SettleResult,
  SlotCounts,
  VipClaim,
  VipCounts,
  VipOnPort,
  VipState,
} from './datapath.ts';
import { DistributorMaps, type Surroundings } from './distributor-maps.ts';
import { MapSpace } from './map-space.ts';
import { attempt } from './native-failure.ts';
import { native } from './native.ts';
import { NeighbourTable } from './neighbour-table.ts';
import { PortSet } from './port-set.ts';
import { VipElements } from './vip-elements.ts';

export interface DatapathOptions {
  readonly capacity: {
    readonly vips: number;
    readonly slots: number;
    readonly flows: number;
    readonly fragments: number;
  };
  /** Seconds. */
  readonly learningWindow: number;
  /** A directory of a bpffs, for what is to outlive the daemon; null = nothing is. */
  readonly pins: string | null;
}

const noFlows: FlowTally = { tcp: 0, udp: 0, sctp: 0, other: 0, closing: 0 };

/** Seconds of silence after which a connection whose client has closed its side is over. */
const closingIdle = 60;

/** The data path in this host's kernel. */
export class KernelDatapath implements Datapath {
  readonly #shared: Surroundings;
  readonly #neighbours: NeighbourTable;
  readonly #flowCapacity: number;
  readonly #timing: { learningWindow: number };
  #ports: ReadonlyMap<string, Port> | null = null;
  readonly #distributors = new Map<string, DistributorMaps>();

  /** @throws DATAPATH_FAILED, with the verifier's log if it refused the program */
  constructor({ capacity, learningWindow, pins }: DatapathOptions) {
    const positions = positionCapacity(capacity.slots);
    this.#flowCapacity = capacity.flows;
    const datapath = attempt(
      'load the XDP program',
      () => new native.Datapath({ ...capacity, positions, pins }),
    );
    this.#timing = { learningWindow };
    this.#shared = {
      datapath,
      timing: this.#timing,
      space: new MapSpace(datapath, capacity),
      ports: new PortSet({ datapath, find: (name) => this.port(name), owner: ownerOf }),
      solicitedNodes: new native.SolicitedNodes({ persistent: pins !== null }),
      vipElements: new VipElements(datapath, () => native.waitForReaders()),
    };
    this.#neighbours = new NeighbourTable(native);
  }

  async adopt(): Promise<Adoption> {
    const { datapath, ports, vipElements } = this.#shared;
    const { found, abiVersion, carried, lostFlows, ...there } = datapath.adopted();
    for (const port of there.ports) ports.adopt(port);
    const vips = Map.groupBy(there.vips, ({ distributorId }) => distributorId);
    const states = new Map<string, DatapathState>();
    const known = new Set(there.tables.map(({ distributorId }) => distributorId));
    // Nobody's: the ledger was tampered with, and their slots are about to be given out.
    for (const vip of there.vips) if (!known.has(vip.distributorId)) await vipElements.delete(vip);
    // All tables first: what is given out anew must lie beside each of them.
    for (const entry of there.tables)
      this.#distributors.set(entry.distributorId, DistributorMaps.adopt(entry, this.#shared));
    for (const { distributorId, assigned } of there.tables) {
      const maps = this.#require(distributorId);
      const entries = vips.get(distributorId) ?? [];
      for (const vip of entries) maps.adoptVip(vip);
      await maps.finishGrowth(entries);
      states.set(distributorId, maps.state(assigned));
    }
    ports.dropUnused();
    this.#shared.solicitedNodes.dropUnused();
    return { abiVersion: found ? abiVersion : null, carried, lostFlows, states };
  }

  ports(): readonly Port[] {
    return [...this.#portsNow().values()];
  }

  port(name: string): Port | null {
    return this.#portsNow().get(name) ?? null;
  }

  /** Read once for each turn of the event loop: a list of distributors asks for every VIP. */
  #portsNow(): ReadonlyMap<string, Port> {
    if (this.#ports === null) {
      this.#ports = new Map(native.interfaces().map((port) => [port.name, port]));
      setImmediate(() => (this.#ports = null));
    }
    return this.#ports;
  }

  async execute(distributorId: string, operation: Operation): Promise<void> {
    if (operation.kind === 'create-table') {
      if (this.#distributors.has(distributorId))
        throw new DistributordError(
          'DATAPATH_FAILED',
          `distributor ${distributorId} is in the data path already`,
        );
      const maps = await DistributorMaps.create(distributorId, operation.size, this.#shared);
      this.#distributors.set(distributorId, maps);
      return;
    }
    const maps = this.#require(distributorId);
    switch (operation.kind) {
      case 'grow-table':
        await maps.grow(operation);
        break;
      case 'assign-slots':
        await maps.assign(operation);
        break;
      case 'put-position':
        maps.putPosition(operation);
        break;
      case 'clear-position':
        maps.clearPosition(operation);
        break;
      case 'put-vip':
        await maps.putVip(operation);
        break;
      case 'delete-vip':
        await maps.deleteVip(operation);
        break;
      case 'watch-neighbour':
        this.#neighbours.acquire(operation.neighbour);
        break;
      case 'forget-neighbour':
        this.#neighbours.release(operation.neighbour);
        break;
      case 'drop-table':
        await maps.drop();
        this.#distributors.delete(distributorId);
        break;
    }
  }

  #require(distributorId: string): DistributorMaps {
    const maps = this.#distributors.get(distributorId);
    if (maps !== undefined) return maps;
    throw new DistributordError(
      'DATAPATH_FAILED',
      `distributor ${distributorId} is not in the data path`,
    );
  }

  resolvedMac(neighbour: WatchedNeighbour): string | null {
    return this.#neighbours.mac(neighbour);
  }

  onNeighbourChange(listener: (neighbour: WatchedNeighbour) => void): void {
    this.#neighbours.onChange(listener);
  }

  announce({ address, interface: name, vlanIds }: VipPlace): void {
    const port = this.port(name);
    if (port === null) return;
    const { ifindex, mac } = port;
    const [outerVlan = 0, innerVlan = 0] = vlanIds;
    attempt(`announce ${address}`, () =>
      native.announce({ ifindex, outerVlan, innerVlan, mac, address }),
    );
  }

  settle(distributorId: string): SettleResult | null {
    return this.#distributors.get(distributorId)?.settle() ?? null;
  }

  slotCounts(distributorId: string): SlotCounts | null {
    return this.#distributors.get(distributorId)?.slotCounts() ?? null;
  }

  vipCounts(distributorId: string, vip: VipPlace): VipCounts | null {
    return this.#distributors.get(distributorId)?.vipCounts(vip) ?? null;
  }

  positionCounts(distributorId: string, position: number): PositionCounts | null {
    return this.#distributors.get(distributorId)?.positionCounts(position) ?? null;
  }

  vipState(distributorId: string, vip: VipPlace): VipState | null {
    return this.#distributors.get(distributorId)?.vipState(vip) ?? null;
  }

  claimsSince(at: bigint): readonly VipClaim[] {
    const { datapath, space } = this.#shared;
    return datapath.claims(at).flatMap(({ index, ...claim }) => {
      const owned = space.vipAt(index);
      return owned === null ? [] : [{ ...owned, ...claim }];
    });
  }

  defend(distributorId: string, vip: VipPlace): boolean {
    const due = this.#distributors.get(distributorId)?.isToBeDefended(vip) ?? false;
    if (due) this.announce(vip);
    return due;
  }

  async sweepFlows(asked: readonly PositionOf[]): Promise<FlowSweep> {
    const { datapath } = this.#shared;
    if (datapath.flowUse(0).used === 0) return { removed: 0, tallies: asked.map(() => noFlows) };
    const places = asked.map(({ distributorId }) => this.#placeOf(distributorId));
    const positions = Uint32Array.from(asked, ({ position }, i) => (places[i] ?? 0) + position);
    const { removed, tallies } = await datapath.sweepFlows({ closing: closingIdle, positions });
    // Flows of a distributor that has moved meanwhile were counted at two places.
    const isThere = asked.map(
      ({ distributorId }, i) => places[i] !== null && places[i] === this.#placeOf(distributorId),
    );
    return { removed, tallies: tallies.map((tally, i) => (isThere[i] === true ? tally : null)) };
  }

  #placeOf(distributorId: string): number | null {
    return this.#distributors.get(distributorId)?.positionBase ?? null;
  }

  vipsOutOfFlows(): readonly VipOnPort[] {
    const { datapath, space } = this.#shared;
    // One VIP can only be out of entries while at least half of all are in use.
    if (datapath.flowUse(0).used * 2 < this.#flowCapacity) return [];
    return [...space.vips].filter(([index]) => datapath.flowUse(index).full).map(([, vip]) => vip);
  }

  hostPackets(): number {
    const { packets } = attempt('read counters', () => this.#shared.datapath.vipCounters(0));
    return packets.reduce((sum, count) => sum + count, 0);
  }

  setLearningWindow(seconds: number): void {
    this.#timing.learningWindow = seconds;
  }

  keepPinned(): number {
    return attempt('pin', () => this.#shared.datapath.keepPinned());
  }

  keepUp(): void {
    void this.#neighbours.keepUp();
    this.#shared.ports.keepUp();
  }

  portState(interfaceName: string): PortState {
    return this.#shared.ports.state(interfaceName);
  }

  close(): void {
    this.#neighbours.close();
    this.#shared.solicitedNodes.close();
    this.#shared.datapath.close();
  }
}

/** What is known of the program that has a port. */
function ownerOf(ifindex: number): string {
  const program = native.xdpProgram({ ifindex });
  if (program === null) return 'it is gone again';
  const name = program.name === null ? 'its name cannot be read' : `named ${program.name}`;
  return `program id ${program.id}, ${name}`;
}
