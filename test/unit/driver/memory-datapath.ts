// SPDX-License-Identifier: Apache-2.0
import type {
  Datapath,
  FlowSweep,
  FlowTally,
  PortState,
  PositionCounts,
  PositionOf,
  VipClaim,
  VipState,
} from '../../../src/datapath/datapath.ts';
import type { Port } from '../../../src/model/vip.ts';
import { applyOperation, type Operation } from '../../../src/plan/operation.ts';
import {
  neighbourKey,
  type DatapathState,
  type WatchedNeighbour,
} from '../../../src/plan/wanted.ts';

function port(number: number): Port {
  return {
    name: `eth${number - 2}`,
    ifindex: number,
    mac: `02:00:00:00:00:0${number}`,
    mtu: 1500,
    up: true,
    stripsVlanTags: false,
    addresses: [],
  };
}

/** A data path that only remembers what it was told, and fails when told to. */
export class MemoryDatapath implements Datapath {
  readonly states = new Map<string, DatapathState>();
  readonly executed: Operation[] = [];
  readonly announced: string[] = [];
  /** MACs of neighbours that answer. */
  readonly answering = new Map<string, string>();
  /** Refuses the operation for which this returns true. */
  refuses: (operation: Operation) => boolean = () => false;
  vipStateNow: VipState | null = {
    ...{ flowEntries: 0, flowTableFull: false, listens: 'always', age: 100_000 },
  };
  /** Seconds since amphorae took their positions. */
  tenure = 100_000;
  portStateNow: PortState = {
    ...{ ifindex: 2, mac: '02:00:00:00:00:02', xdpMode: 'native', link: 'up' },
    stripsVlanTags: false,
  };
  /** What flow sweeps count, and packets that went there, by position. */
  readonly tallies = new Map<number, FlowTally>();
  readonly packetsTo = new Map<number, number>();
  readonly openingsTo = new Map<number, number>();
  unpinned = 0;
  readonly claims: VipClaim[] = [];
  readonly defended: string[] = [];
  #listeners: ((neighbour: WatchedNeighbour) => void)[] = [];

  ports(): readonly Port[] {
    return [{ ...port(2), addresses: ['10.0.0.2'] }, port(3), { ...port(4), stripsVlanTags: true }];
  }

  adopt: Datapath['adopt'] = () =>
    Promise.resolve({ abiVersion: null, carried: [], lostFlows: 0, states: new Map() });

  port(name: string): Port | null {
    return this.ports().find((candidate) => candidate.name === name) ?? null;
  }

  execute(distributorId: string, operation: Operation): Promise<void> {
    if (this.refuses(operation)) return Promise.reject(new Error(`refused ${operation.kind}`));
    const state = applyOperation(this.states.get(distributorId) ?? null, operation);
    if (state === null) this.states.delete(distributorId);
    else this.states.set(distributorId, state);
    this.executed.push(operation);
    return Promise.resolve();
  }

  resolvedMac(neighbour: WatchedNeighbour): string | null {
    return this.answering.get(neighbourKey(neighbour)) ?? null;
  }

  onNeighbourChange(listener: (neighbour: WatchedNeighbour) => void): void {
    this.#listeners.push(listener);
  }

  /** A neighbour answers from now on. */
  answer(neighbour: WatchedNeighbour, mac: string): void {
    this.answering.set(neighbourKey(neighbour), mac);
    for (const listener of this.#listeners) listener(neighbour);
  }

  announce({ address }: { readonly address: string }): void {
    this.announced.push(address);
  }

  keepUp = () => undefined;
  keepPinned = () => 0;
  setLearningWindow = () => undefined;
  settle: Datapath['settle'] = () => ({ unsettled: 0, next: 1 });
  slotCounts = () => null;
  vipCounts = () => ({ packets: { tx_unpinned: this.unpinned }, forwardedBytes: 0 });
  positionCounts(distributorId: string, position: number): PositionCounts | null {
    if (!this.states.has(distributorId)) return null;
    const packets = this.packetsTo.get(position) ?? 0;
    const openings = this.openingsTo.get(position) ?? 0;
    return { packets, bytes: 0, newFlows: 0, openings, tenure: this.tenure };
  }
  hostPackets = () => 0;
  portState: Datapath['portState'] = () => this.portStateNow;
  vipState = (): VipState | null => this.vipStateNow;
  claimsSince = (at: bigint) => this.claims.filter((claim) => claim.at > at);
  defend(...[, vip]: readonly [string, { readonly address: string }]): boolean {
    this.defended.push(vip.address);
    return true;
  }
  sweepFlows(asked: readonly PositionOf[]): Promise<FlowSweep> {
    const none = { tcp: 0, udp: 0, sctp: 0, other: 0, closing: 0 };
    const tallies = asked.map(({ position }) => this.tallies.get(position) ?? none);
    return Promise.resolve({ removed: 0, tallies });
  }
  vipsOutOfFlows = () => [];
  close = () => undefined;
}
