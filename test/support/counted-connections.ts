// SPDX-License-Identifier: Apache-2.0
import type { Amphora } from './amphora.ts';
import { kernelConnections } from './kernel-connections.ts';
import type { TestDistributor } from './test-distributor.ts';
import { waitUntil, type WaitOptions } from './wait-until.ts';

export interface ConnectionCounts {
  readonly tcp: number;
  /** The client has closed its side, the amphora has not. */
  readonly closing: number;
}

/**
 * Resolves with the figures of an amphora's kernel when its drain says the same; both are asked anew
 * each time. Rejects with both.
 */
export async function countedConnections(
  distributor: TestDistributor,
  amphora: Amphora,
  options: WaitOptions = {},
): Promise<ConnectionCounts> {
  let kernel: ConnectionCounts = { tcp: -1, closing: -1 };
  let said: ConnectionCounts | null = null;
  try {
    await waitUntil(
      `the connections left at ${amphora.name} to be counted`,
      async () => {
        const [{ remaining }, tcp, closing] = await Promise.all([
          distributor.drainOf(amphora),
          kernelConnections(amphora, 'established'),
          kernelConnections(amphora, 'close-wait'),
        ]);
        [said, kernel] = [remaining, { tcp, closing }];
        return remaining?.tcp === tcp && remaining.closing === closing;
      },
      options,
    );
  } catch (error) {
    const figures = `it has ${JSON.stringify(kernel)}, the drain says ${JSON.stringify(said)}`;
    throw new Error(`${amphora.name}: ${figures}`, { cause: error });
  }
  return kernel;
}
