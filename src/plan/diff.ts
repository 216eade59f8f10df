// SPDX-License-Identifier: Apache-2.0
import type { Operation } from './operation.ts';
import type { DatapathState, DatapathVip, Occupant, WantedState } from './wanted.ts';

/**
 * The operations that make `actual` into `wanted`; none if they are equal already.
 *
 * Their order keeps every prefix sound: a position is filled before a slot refers to it
 * and emptied only after none does; a VIP exists only while its table does.
 */
export function diff(actual: DatapathState | null, wanted: WantedState | null): Operation[] {
  if (wanted === null) return actual === null ? [] : tearDown(actual);
  if (actual === null) {
    const created: Operation = { kind: 'create-table', size: wanted.tableSize };
    const fresh = { ...wanted, weights: [], positions: new Map(), vips: new Map() };
    return [created, ...change({ ...fresh, neighbours: new Map() }, wanted)];
  }
  return change(actual, wanted);
}

function tearDown(actual: DatapathState): Operation[] {
  return [
    ...[...actual.vips.values()].map((vip): Operation => ({ kind: 'delete-vip', vip })),
    ...[...actual.neighbours.values()].map((neighbour): Operation => ({
      kind: 'forget-neighbour',
      neighbour,
    })),
    { kind: 'drop-table' },
  ];
}

function change(actual: DatapathState, wanted: WantedState): Operation[] {
  const operations: Operation[] = [];
  if (wanted.tableSize > actual.tableSize)
    operations.push({ kind: 'grow-table', size: wanted.tableSize });

  for (const [position, occupant] of wanted.positions) {
    const before = actual.positions.get(position);
    if (before !== undefined && sameOccupant(before, occupant)) continue;
    const sameAmphora = before?.amphoraId === occupant.amphoraId;
    operations.push({ kind: 'put-position', position, occupant, sameAmphora });
  }
  const retired = [...actual.positions.keys()].filter(
    (position) => !wanted.positions.has(position),
  );
  const { weights } = wanted;
  if (retired.length > 0 || !sameNumbers(weights, actual.weights))
    operations.push({ kind: 'assign-slots', weights, retired });
  for (const position of retired) operations.push({ kind: 'clear-position', position });

  for (const [key, vip] of actual.vips)
    if (!wanted.vips.has(key)) operations.push({ kind: 'delete-vip', vip });
  for (const [key, vip] of wanted.vips) {
    const before = actual.vips.get(key);
    if (before === undefined || !sameVip(before, vip)) operations.push({ kind: 'put-vip', vip });
  }

  for (const [key, neighbour] of actual.neighbours)
    if (!wanted.neighbours.has(key)) operations.push({ kind: 'forget-neighbour', neighbour });
  for (const [key, neighbour] of wanted.neighbours)
    if (!actual.neighbours.has(key)) operations.push({ kind: 'watch-neighbour', neighbour });
  return operations;
}

/** Weights that are not known are not the same as any. */
function sameNumbers(a: readonly number[], b: readonly number[] | null): boolean {
  return a.length === b?.length && a.every((number, index) => number === b[index]);
}

function sameOccupant(a: Occupant, b: Occupant): boolean {
  return a.amphoraId === b.amphoraId && a.ip === b.ip && a.mac === b.mac;
}

/** Address, name of the port and tags are the key already. */
function sameVip(a: DatapathVip, b: DatapathVip): boolean {
  return (
    a.ifindex === b.ifindex &&
    a.mac === b.mac &&
    a.affinity === b.affinity &&
    a.tracking === b.tracking &&
    a.tcpIdle === b.tcpIdle &&
    a.otherIdle === b.otherIdle
  );
}
