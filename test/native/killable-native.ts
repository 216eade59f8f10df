// SPDX-License-Identifier: Apache-2.0
// The addon as a process uses it that is killed between two of its calls, or half-way through
// giving slots to other owners. Ports are made up: no program is attached.
import {
  native,
  type Native,
  type NativeDatapath,
  type NativePort,
  type NativeSlotTable,
} from '../../src/datapath/native.ts';

export const PORTS = ['eth0', 'eth1'].map((name, index) => ({
  ...{ name, ifindex: 1000 + index, mac: `02:00:00:00:0f:0${index}`, up: true },
  ...{ stripsVlanTags: false, mtu: 1500, addresses: [] },
}));

export class Killed extends Error {}

/** What changes something that outlives the process. */
const CHANGES: readonly (keyof NativeDatapath)[] = [
  ...(['putVip', 'moveVip', 'deleteVip', 'setPosition', 'setLearning', 'movePositions'] as const),
  ...(['resetVip', 'resetPositionCounters', 'putTable', 'deleteTable', 'setWeights'] as const),
  'newVipId',
];

/** Takes the place of the addon's own, for the whole process. */
export class KillableNative {
  /** Calls that change something until the process is killed. */
  left = Infinity;
  /** Of ports. */
  readonly #attached = new Set<number>();
  readonly #tables = new WeakMap<NativeSlotTable, NativeSlotTable>();

  constructor() {
    const replaced: Partial<Native> = {
      interfaces: () => PORTS,
      Datapath: new Proxy(native.Datapath, {
        construct: (Real, [options]: ConstructorParameters<Native['Datapath']>) =>
          this.#wrap(new Real(options)),
      }),
    };
    Object.assign(native, replaced);
  }

  #wrap(real: NativeDatapath): NativeDatapath {
    const faked: Partial<NativeDatapath> = {
      attach: ({ ifindex }) => {
        this.#spend();
        this.#attached.add(ifindex);
        return 'native';
      },
      detach: ({ ifindex }) => {
        this.#spend();
        this.#attached.delete(ifindex);
      },
      isAttached: ({ ifindex }) => this.#attached.has(ifindex),
      adopted: () => ({ ...real.adopted(), ports: this.#ports() }),
      table: ({ base, size }) =>
        this.#killable(real.table({ base, size }), real.table({ base, size: size / 2 })),
    };
    return new Proxy(real, {
      get: (_, name: keyof NativeDatapath) => {
        if (name in faked) return Reflect.get(faked, name) as unknown;
        const method = Reflect.get(real, name, real) as (...values: unknown[]) => unknown;
        return (...values: unknown[]) => {
          if (CHANGES.includes(name)) this.#spend();
          return method.apply(real, values);
        };
      },
    });
  }

  #ports(): readonly NativePort[] {
    return PORTS.filter(({ ifindex }) => this.#attached.has(ifindex)).map(({ ifindex }) => ({
      ifindex,
      xdpMode: 'native',
    }));
  }

  /** Gives slots to other owners in two steps, the first half first. */
  #killable(whole: NativeSlotTable, firstHalf: NativeSlotTable): NativeSlotTable {
    const table: NativeSlotTable = {
      size: whole.size,
      apply: (change) => {
        this.#spend();
        firstHalf.apply({ ...change, owners: change.owners.slice(0, firstHalf.size) });
        this.#spend();
        return whole.apply(change);
      },
      splitFrom: ({ smaller, now }) => {
        this.#spend();
        whole.splitFrom({ smaller: this.#tables.get(smaller) ?? smaller, now });
      },
      clear: () => {
        this.#spend();
        whole.clear();
      },
      settle: (clock) => whole.settle(clock),
      census: () => whole.census(),
      at: (index) => whole.at(index),
      put: (index, slot) => {
        whole.put(index, slot);
      },
    };
    this.#tables.set(table, whole);
    return table;
  }

  #spend(): void {
    if (this.left-- <= 0) throw new Killed('killed');
  }
}
