// SPDX-License-Identifier: Apache-2.0
// The whole boundary to the native addon: plain data, `T | null` and never optional. A
// missing field is a TypeError with code BAD_ARGUMENT that names it.
import { createRequire } from 'node:module';

/** What the addon throws: an errno's name, or one of the codes that it adds. */
export interface NativeError extends Error {
  /** `EPERM`, `EBUSY` … of a system call; `BAD_ARGUMENT`; `CLOSED` after close(). */
  readonly code: string;
  readonly errno?: number;
  readonly syscall?: string;
  /** What libbpf or the verifier said. */
  readonly details?: string;
}

/** One slot; owners are positions + 1, 0 = none. See bpf/abi.h. */
export interface NativeSlot {
  readonly current: number;
  /** 0 = settled, 0xffff = unsettled and its previous owner is gone. */
  readonly previous: number;
  /** Seconds of `now()`. */
  readonly clock: number;
}

export interface NativeSlotTable {
  readonly size: number;
  /** Gives slot i to owners[i]; `retired` owners no longer exist. */
  apply(change: {
    readonly owners: Uint16Array;
    readonly retired: Uint16Array;
    readonly now: number;
  }): { readonly changed: number; readonly unsettled: number };
  /**
   * Settles slots quiet for longer than `idle` seconds. `unsettled`: how many are left;
   * `earliest`: the oldest of their clocks, 0 if there are none.
   */
  settle(clock: { readonly now: number; readonly idle: number }): {
    readonly unsettled: number;
    readonly earliest: number;
  };
  /** Becomes a smaller table with each slot split; clocks of unsettled slots restart. */
  splitFrom(split: { readonly smaller: NativeSlotTable; readonly now: number }): void;
  clear(): void;
  /** Slots by owner: index 0 of `current` counts those without one. */
  census(): {
    readonly current: Uint32Array;
    readonly previous: Uint32Array;
    readonly unsettled: number;
  };
  at(index: number): NativeSlot;
  /** For tests: any state at any age. */
  put(index: number, slot: NativeSlot): void;
}

export interface NativeVipKey {
  readonly ifindex: number;
  /** VLAN ids, 0 = no tag. */
  readonly outerVlan: number;
  readonly innerVlan: number;
  readonly address: string;
}

export interface NativeVip extends NativeVipKey {
  readonly seed: bigint;
  readonly slotBase: number;
  readonly tableSize: number;
  readonly positionBase: number;
  readonly vipId: number;
  /** Index into the VIP counters, from 1. */
  readonly counters: number;
  /** Seconds. */
  readonly tcpIdle: number;
  readonly otherIdle: number;
  /** 0 = source IP, 1 = source IP and port. */
  readonly affinity: number;
  /** 0 = adaptive, 1 = full, 2 = stateless. */
  readonly tracking: number;
  readonly mac: string;
  readonly distributorId: string;
  /** Seconds of `now()`: when it was plugged. */
  readonly since: number;
  /** The name by which it knows its port, of 15 bytes at most. */
  readonly port: string;
}

/** A distributor's place in the maps, as the ledger has it. */
export interface NativeTableEntry {
  readonly distributorId: string;
  readonly slotBase: number;
  readonly positionBase: number;
  readonly size: number;
  /** False while slots are being given to other owners than the ledger's weights say. */
  readonly assigned: boolean;
  /** Seconds: the longest that connections of VIPs which were unplugged may be silent. */
  readonly idle: number;
}

/** What is at a position that has an amphora or a weight, as the ledger has it. */
export interface NativeOccupant {
  readonly position: number;
  readonly weight: number;
  readonly amphora: {
    readonly id: string;
    readonly ip: string;
    readonly mac: string;
    readonly since: number;
    /** From 1 to 32767: which flow entries are this amphora's. */
    readonly generation: number;
  } | null;
}

/** A port that the program is on. */
export interface NativePort {
  readonly ifindex: number;
  readonly xdpMode: 'native' | 'generic';
}

/** What was pinned when the program was loaded, as it is now. */
export interface NativeAdopted {
  readonly found: boolean;
  /** Of the program that used it last. */
  readonly abiVersion: number;
  /** Maps whose content was copied, because their layout or size is another one now. */
  readonly carried: readonly string[];
  /** Entries of flows that found no room in the copy. */
  readonly lostFlows: number;
  readonly ports: readonly NativePort[];
  readonly tables: readonly NativeTableEntry[];
  readonly vips: readonly NativeVip[];
}

export interface NativeFlowKey {
  readonly vipId: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
}

export interface NativeFlow {
  readonly lastSeen: number;
  readonly owner: number;
  /** From 1 to 32767. */
  readonly generation: number;
  readonly closing: boolean;
  /**
   * TCP: 31 bits of the client's last acknowledgement number, or that number less one; see
   * bpf/abi.h. Of an opening 0.
   */
  readonly acknowledged: number;
  /** Both sides have closed, as far as the client's packets show. Of an opening false. */
  readonly over: boolean;
  /** It has a flow entry; otherwise only the opening that its first packet left. */
  readonly confirmed: boolean;
}

/** Flows with an entry that a position has; none that is over. */
export interface NativeTally {
  readonly tcp: number;
  readonly udp: number;
  readonly sctp: number;
  readonly other: number;
  /** Of any protocol; not in the others. */
  readonly closing: number;
}

export interface NativeFragmentKey {
  readonly vipId: number;
  readonly source: string;
  readonly identification: number;
  /** The packet's, for IPv4; 0 for IPv6. */
  readonly keyProtocol: number;
}

export interface NativeFragment {
  /** Seconds of `now()`. */
  readonly seen: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
}

export interface NativeDatapath {
  adopted(): NativeAdopted;
  /** Of `count` positions from `index` on. */
  occupants(range: { readonly index: number; readonly count: number }): readonly NativeOccupant[];
  putTable(table: NativeTableEntry): void;
  deleteTable(table: { readonly distributorId: string }): void;
  /** Notes the weights of the positions from `index` on. */
  setWeights(weights: { readonly index: number; readonly weights: Uint32Array }): void;
  /** Never given out twice: flow entries of a VIP that is gone match no other. */
  newVipId(): number;
  /**
   * Native mode where the driver has it, else generic. EBUSY: a program is there already.
   */
  attach(port: { readonly ifindex: number }): 'native' | 'generic';
  /** Pins again what somebody has removed; returns how many pins were missing. */
  keepPinned(): number;
  /** False where the port is gone, or somebody has taken the program off it. */
  isAttached(port: { readonly ifindex: number }): boolean;
  detach(port: { readonly ifindex: number }): void;
  /** The VIP comes from the port `from` (its index); its counters and flow entries stay. */
  moveVip(vip: NativeVip & { readonly from: number }): void;
  /** Whether it was there already. See VipElements for what it must wait for. */
  putVip(vip: NativeVip): boolean;
  /** Not if another VIP has its place by now. */
  deleteVip(vip: NativeVipKey & Pick<NativeVip, 'vipId' | 'counters'>): void;
  /** A part of the slots as a table; it outlives close(), the program does not. */
  table(range: { readonly base: number; readonly size: number }): NativeSlotTable;
  /** Another amphora (`sameAmphora` false), or none, makes flows of the one before void. */
  setPosition(position: {
    readonly index: number;
    readonly mac: string | null;
    readonly sameAmphora: boolean;
    readonly amphora: { readonly id: string; readonly ip: string; readonly since: number } | null;
  }): void;
  /** Until when (s of `now()`) the distributor whose positions start at `index` learns. */
  setLearning(window: { readonly index: number; readonly until: number }): void;
  /** For tests: entries of flows may still be with another program. */
  setCarrying(state: { readonly carrying: boolean }): void;
  /** Copies positions with their generations, and their counters, to a larger range. */
  movePositions(move: { readonly from: number; readonly to: number; readonly count: number }): void;
  vipCounters(index: number): { readonly packets: readonly number[]; readonly bytes: number };
  positionCounters(index: number): {
    readonly packets: number;
    readonly bytes: number;
    readonly newFlows: number;
    /** Packets of flows that had no entry after them, in unsettled slots. */
    readonly openings: number;
  };
  /** Counters at 0, and no claim: for a new VIP. */
  resetVip(index: number): void;
  resetPositionCounters(index: number): void;
  /** A flow's entry, or else its opening. */
  getFlow(key: NativeFlowKey): NativeFlow | null;
  /** Beside an entry it is another connection's, of the same addresses and ports. */
  getOpening(key: NativeFlowKey): NativeFlow | null;
  /**
   * For tests. `counters`: of its VIP, whose share it takes from. `acknowledged` and `over` are
   * of entries; an opening that is there keeps what its first packet said.
   */
  putFlow(flow: NativeFlowKey & NativeFlow & { readonly counters: number }): void;
  getFragment(key: NativeFragmentKey): NativeFragment | null;
  /** For tests. */
  putFragment(fragment: NativeFragmentKey & NativeFragment): void;
  /** Flow entries of the VIP with these counters, 0 = of all; `full`: it gets no more. */
  flowUse(index: number): { readonly used: number; readonly full: boolean };
  /**
   * Removes flow entries that no longer count, and counts the others by position, in the order
   * asked for. Closing ones count for `closing` seconds after their last packet. Off the event
   * loop; EBUSY while another sweep is under way.
   */
  sweepFlows(sweep: { readonly closing: number; readonly positions: Uint32Array }): Promise<{
    readonly kept: number;
    readonly removed: number;
    readonly tallies: readonly NativeTally[];
  }>;
  /** Other stations' last claims to VIPs, by counters index, younger than `since` (ns). */
  claims(since: bigint): readonly {
    readonly index: number;
    readonly mac: string;
    readonly at: bigint;
  }[];
  /** Whether the VIP is to be announced now against a claim; it then counts as answered. */
  defend(index: number): boolean;
  /** Runs the program on one frame; ifindex 0 = none, which the program sees as 1. */
  testRun(input: { readonly frame: Uint8Array; readonly ifindex: number }): {
    /** XDP_DROP 1, XDP_PASS 2, XDP_TX 3. */
    readonly action: number;
    readonly frame: Buffer;
  };
  inventory(): { readonly programId: number; readonly mapIds: readonly number[] };
  /** What is pinned stays and works on; the rest is freed. Again: does nothing. */
  close(): void;
}

export interface NativeNeighbour {
  readonly ifindex: number;
  readonly ip: string;
}

export interface NativeNeighbourWatch {
  /** Keeps the address resolved; returns its MAC if it is known already. */
  add(neighbour: NativeNeighbour): string | null;
  remove(neighbour: NativeNeighbour): void;
  close(): void;
}

export interface NativeSolicitedNode {
  readonly ifindex: number;
  /** IPv6. */
  readonly address: string;
}

export interface NativeSolicitedNodes {
  /**
   * `reports` is false where the port has IPv6 disabled: its filter is open, but switches do
   * not know. `persists`: the membership outlives the process.
   */
  join(node: NativeSolicitedNode): { readonly reports: boolean; readonly persists: boolean };
  /** Once for every join(). */
  leave(node: NativeSolicitedNode): void;
  /** Leaves groups that a process before has joined, and this one has not. */
  dropUnused(): void;
  /** Those that persist stay. */
  close(): void;
}

export interface NativeCapacity {
  readonly vips: number;
  readonly slots: number;
  readonly positions: number;
  /** Flow entries; there is room for four times as many openings. */
  readonly flows: number;
  /** Datagrams whose first fragment is remembered. */
  readonly fragments: number;
}

export interface NativeOptions extends NativeCapacity {
  /** A directory of a bpffs, where all that is to outlive the process is kept; null = nothing. */
  readonly pins: string | null;
}

export interface Native {
  readonly abiVersion: number;
  /** Names by verdict number; null where a number is retired. */
  readonly verdicts: readonly (string | null)[];
  /** Over plain memory; `size` a power of two. */
  readonly SlotTable: new (size: number) => NativeSlotTable;
  readonly Datapath: new (options: NativeOptions) => NativeDatapath;
  readonly NeighbourWatch: new (
    onChange: (
      change: NativeNeighbour & {
        readonly mac: string | null;
        /** The kernel gave the entry up: it must be added again. */
        readonly deleted: boolean;
      },
    ) => void,
  ) => NativeNeighbourWatch;
  readonly SolicitedNodes: new (options: {
    /** Memberships stay when the process ends. */
    readonly persistent: boolean;
  }) => NativeSolicitedNodes;
  /** Off the event loop. weights[i] is position i's; returns an owner for each slot. */
  buildTable(table: {
    readonly seed: bigint;
    readonly weights: Uint32Array;
    readonly size: number;
  }): Promise<Uint16Array>;
  /** Who listens on the abstract unix socket; null if nobody does. */
  socketHolder(socket: {
    readonly name: string;
  }): { readonly pid: number; readonly uid: number } | null;
  /** Resolves when no packet that is under way can see what was there before. */
  waitForReaders(): Promise<void>;
  /** A client's 32-bit hash; its top log2(table size) bits are its slot. */
  slotHash(client: {
    readonly seed: bigint;
    readonly source: string;
    /** 0 where the affinity is source IP alone. */
    readonly sourcePort: number;
  }): number;
  interfaces(): readonly {
    readonly name: string;
    readonly ifindex: number;
    readonly mac: string;
    readonly mtu: number;
    readonly up: boolean;
    /** Its VLAN tags never reach the XDP program. */
    readonly stripsVlanTags: boolean;
    readonly addresses: readonly string[];
  }[];
  /** Sends one gratuitous ARP or unsolicited neighbour advertisement. */
  announce(announcement: NativeVipKey & { readonly mac: string }): void;
  /**
   * One datagram of sd_notify(3), without waiting: EAGAIN if the receiver's queue is full.
   * `socket`: a path, or an abstract name that begins with '@'.
   */
  notifyService(notice: { readonly socket: string; readonly state: string }): void;
  /**
   * Removes all that a daemon keeps in the kernel, and tells how many of each that was.
   * EWOULDBLOCK: one uses it.
   */
  tearDown(state: { readonly pins: string }): {
    readonly ports: number;
    readonly groups: number;
    readonly neighbours: number;
  };
  /** The XDP program on a port; null if there is none. The kernel may not tell its name. */
  xdpProgram(port: {
    readonly ifindex: number;
  }): { readonly id: number; readonly name: string | null } | null;
  /** Seconds of the clock that the program stamps slots and flows with. */
  now(): number;
}

const path = new URL('../../build/native/Release/distributor.node', import.meta.url);
export const native = createRequire(import.meta.url)(path.pathname) as Native;
