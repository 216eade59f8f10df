// SPDX-License-Identifier: Apache-2.0
import type { Native, NativeDatapath, NativeNeighbourWatch } from '../../src/datapath/native.ts';

/** What a test asks of the addon in another process; `datapath` and `watch` are made at first use. */
export interface Targets {
  readonly addon: Native;
  readonly datapath: NativeDatapath;
  readonly watch: NativeNeighbourWatch;
}

export interface AddonCall {
  readonly id: number;
  readonly target: keyof Targets;
  readonly method: string;
  readonly argument: unknown;
}

export interface NeighbourChange {
  readonly ifindex: number;
  readonly ip: string;
  readonly mac: string | null;
  readonly deleted: boolean;
}

export type AddonMessage =
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | {
      readonly kind: 'error';
      readonly id: number;
      readonly code: string;
      readonly message: string;
    }
  | { readonly kind: 'neighbour'; readonly change: NeighbourChange };
