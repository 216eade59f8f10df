// SPDX-License-Identifier: Apache-2.0
import { vipKey } from '../model/vip.ts';
import {
  neighbourKey,
  type DatapathState,
  type DatapathVip,
  type Occupant,
  type WatchedNeighbour,
} from './wanted.ts';

/** One change of the data path of one distributor; as data, for `datapath/` to carry out. */
export type Operation =
  | { readonly kind: 'create-table'; readonly size: number }
  /** Every slot becomes several; owners stay. */
  | { readonly kind: 'grow-table'; readonly size: number }
  | {
      readonly kind: 'put-position';
      readonly position: number;
      readonly occupant: Occupant;
      /** False: flows pinned to the occupant before no longer count. */
      readonly sameAmphora: boolean;
    }
  /** Gives the slots to positions by weight; no slot refers to `retired` ones afterwards. */
  | {
      readonly kind: 'assign-slots';
      readonly weights: readonly number[];
      readonly retired: readonly number[];
    }
  /** Only when no slot refers to the position. */
  | { readonly kind: 'clear-position'; readonly position: number }
  | { readonly kind: 'put-vip'; readonly vip: DatapathVip }
  | { readonly kind: 'delete-vip'; readonly vip: DatapathVip }
  | { readonly kind: 'watch-neighbour'; readonly neighbour: WatchedNeighbour }
  | { readonly kind: 'forget-neighbour'; readonly neighbour: WatchedNeighbour }
  /** Only when it has no VIP. */
  | { readonly kind: 'drop-table' };

const empty: Omit<DatapathState, 'tableSize'> = {
  weights: [],
  positions: new Map(),
  vips: new Map(),
  neighbours: new Map(),
};

/** The state that an operation makes of a state. null = the distributor is not there. */
export function applyOperation(
  state: DatapathState | null,
  operation: Operation,
): DatapathState | null {
  if (operation.kind === 'create-table') return { ...empty, tableSize: operation.size };
  if (state === null) throw new Error(`${operation.kind} before create-table`);
  switch (operation.kind) {
    case 'drop-table':
      return null;
    case 'grow-table':
      return { ...state, tableSize: operation.size };
    case 'assign-slots':
      return { ...state, weights: operation.weights };
    case 'put-position':
      return { ...state, positions: put(state.positions, operation.position, operation.occupant) };
    case 'clear-position':
      return { ...state, positions: remove(state.positions, operation.position) };
    case 'put-vip':
      return { ...state, vips: put(state.vips, vipKey(operation.vip), operation.vip) };
    case 'delete-vip':
      return { ...state, vips: remove(state.vips, vipKey(operation.vip)) };
    case 'watch-neighbour': {
      const key = neighbourKey(operation.neighbour);
      return { ...state, neighbours: put(state.neighbours, key, operation.neighbour) };
    }
    case 'forget-neighbour': {
      const key = neighbourKey(operation.neighbour);
      return { ...state, neighbours: remove(state.neighbours, key) };
    }
  }
}

function put<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

function remove<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
