// SPDX-License-Identifier: Apache-2.0
// What the process that writes is asked to store, so that whoever reads a copy knows whether it is
// whole: every change of a writer sets two distributors, both of which follow from its number.
import type { Distributor } from '../../src/model/distributor.ts';
import { active, distributor, vip } from '../support/documents.ts';

export const writers = 16;

/** The two distributors of a writer after its change of this number, from 1; null = not there. */
export function pairOf(writer: number, change: number): readonly [Distributor, Distributor | null] {
  const first = made(2 * writer, change);
  return [first, change % 5 === 0 ? null : made(2 * writer + 1, change)];
}

function made(n: number, change: number): Distributor {
  const { loadBalancer } = distributor(n);
  const count = change % 7;
  return distributor(n, {
    loadBalancer: { ...loadBalancer, name: `${change}` },
    vips: [vip(`10.${n}.0.${1 + (change % 200)}`)],
    // Of different lengths, so that pages split and merge.
    amphorae: Array.from({ length: count }, (_, index) => active(`amphora-${n}-${index}`, index)),
    nextPosition: count,
    tableSize: 2048,
  });
}
