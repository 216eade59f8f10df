// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../errors.ts';
import { positionCapacity } from '../model/table-size.ts';
import type { Port } from '../model/vip.ts';
import type { Operation } from '../plan/operation.ts';
import type { DatapathVip, WatchedNeighbour } from '../plan/wanted.ts';
import type {
  Datapath,
  PortState,
  PositionCounts,
  SlotCounts,
  VipClaim,
  VipCounts,
  VipOnPort,
  VipState,
} from './datapath.ts';
import { DistributorMaps, type Surroundings, type Timeouts } from './distributor-maps.ts';
import { MapSpace } from './map-space.ts';
import { attempt } from './native-failure.ts';
import { native } from './native.ts';
import { NeighbourTable } from './neighbour-table.ts';
import { PortSet } from './port-set.ts';

export interface DatapathOptions {
  readonly capacity: {
    readonly vips: number;
    readonly slots: number;
    readonly flows: number;
    readonly fragments: number;
  };
  readonly timeouts: Timeouts;
}

/** The data path in this host's kernel. */
export class KernelDatapath implements Datapath {
  readonly #shared: Surroundings;
  readonly #neighbours: NeighbourTable;
  readonly #flowCapacity: number;
  #ports: readonly Port[] | null = null;
  readonly #distributors = new Map<string, DistributorMaps>();

  /** @throws DATAPATH_FAILED, with the verifier's log if it refused the program */
  constructor({ capacity, timeouts }: DatapathOptions) {
    const positions = positionCapacity(capacity.slots);
    this.#flowCapacity = capacity.flows;
    const datapath = attempt(
      'load the XDP program',
      () => new native.Datapath({ ...capacity, positions }),
    );
    this.#shared = {
      datapath,
      timeouts,
      space: new MapSpace(datapath, capacity),
      ports: new PortSet(datapath, () => this.ports()),
      solicitedNodes: new native.SolicitedNodes(),
    };
    this.#neighbours = new NeighbourTable(native);
  }

  /** Read once for each turn of the event loop: a list of distributors asks for every VIP. */
  ports(): readonly Port[] {
    if (this.#ports === null) {
      this.#ports = native.interfaces();
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
      const maps = new DistributorMaps(distributorId, operation.size, this.#shared);
      this.#distributors.set(distributorId, maps);
      return;
    }
    const maps = this.#require(distributorId);
    switch (operation.kind) {
      case 'grow-table':
        maps.grow(operation);
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
        maps.putVip(operation);
        break;
      case 'delete-vip':
        maps.deleteVip(operation);
        break;
      case 'watch-neighbour': {
        const { ifindex } = this.#shared.ports.require(operation.neighbour.interface);
        this.#neighbours.acquire(operation.neighbour, ifindex);
        break;
      }
      case 'forget-neighbour':
        this.#neighbours.release(operation.neighbour);
        break;
      case 'drop-table':
        maps.drop();
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

  announce({ address, interface: port, vlanIds }: DatapathVip): void {
    const { ifindex, mac } = this.#shared.ports.require(port);
    const [outerVlan = 0, innerVlan = 0] = vlanIds;
    attempt(`announce ${address}`, () =>
      native.announce({ ifindex, outerVlan, innerVlan, mac, address }),
    );
  }

  settle(distributorId: string): number {
    return this.#distributors.get(distributorId)?.settle().unsettled ?? 0;
  }

  slotCounts(distributorId: string): SlotCounts | null {
    return this.#distributors.get(distributorId)?.slotCounts() ?? null;
  }

  vipCounts(distributorId: string, vip: DatapathVip): VipCounts | null {
    return this.#distributors.get(distributorId)?.vipCounts(vip) ?? null;
  }

  positionCounts(distributorId: string, position: number): PositionCounts | null {
    return this.#distributors.get(distributorId)?.positionCounts(position) ?? null;
  }

  vipState(distributorId: string, vip: DatapathVip): VipState | null {
    return this.#distributors.get(distributorId)?.vipState(vip) ?? null;
  }

  claimsSince(at: bigint): readonly VipClaim[] {
    const { datapath, space } = this.#shared;
    return datapath.claims(at).flatMap(({ index, ...claim }) => {
      const owned = space.vipAt(index);
      return owned === null ? [] : [{ ...owned, ...claim }];
    });
  }

  defend(distributorId: string, vip: DatapathVip): boolean {
    const due = this.#distributors.get(distributorId)?.isToBeDefended(vip) ?? false;
    if (due) this.announce(vip);
    return due;
  }

  async expireFlows(): Promise<number> {
    const { datapath } = this.#shared;
    if (datapath.flowUse(0).used === 0) return 0;
    const { removed } = await datapath.sweepFlows({ closing: 60, positions: new Uint32Array() });
    return removed;
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

  keepUp(): void {
    this.#neighbours.keepUp();
  }

  portState(interfaceName: string): PortState | null {
    return this.#shared.ports.state(interfaceName);
  }

  close(): void {
    this.#neighbours.close();
    this.#shared.solicitedNodes.close();
    this.#shared.datapath.close();
  }
}
