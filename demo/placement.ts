// SPDX-License-Identifier: Apache-2.0
import type { ProbeResult } from '../test/support/client-protocol.ts';
import type { Clients } from '../test/support/clients.ts';
import type { Family } from '../test/support/topology.ts';

const families = [4, 6] as const;

/** What became of a client's new connection. */
export interface Answer extends ProbeResult {
  readonly family: Family;
}

/** Which amphora each client's new connection reached, by `<family>/<client>`. */
export type Placement = ReadonlyMap<string, string>;

/** One new connection of either family from each of the client addresses. */
export async function openFromAll(
  clients: Clients,
  numbers: readonly number[],
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const family of families)
    for (const result of await clients.probe({ family, clients: numbers }))
      answers.push({ family, ...result });
  return answers;
}

/** Throws where a client got no answer. */
export function placementOf(answers: readonly Answer[]): Placement {
  const placed = new Map<string, string>();
  for (const { family, client, amphora, error } of answers) {
    if (amphora === null)
      throw new Error(`IPv${family} client ${client} got no answer: ${String(error)}`);
    placed.set(`${family}/${client}`, amphora);
  }
  return placed;
}

export function countMoved(before: Placement, after: Placement): number {
  return [...after].filter(([client, amphora]) => before.get(client) !== amphora).length;
}
