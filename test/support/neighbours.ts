// SPDX-License-Identifier: Apache-2.0
import { run } from './namespaces.ts';
import { FRONT_END_PORT } from './topology.ts';

/** Which MAC a box sends to for an address of the front-end network; null if it knows none. */
export async function neighbourMac(namespace: string, ip: string): Promise<string | null> {
  const [entry] = JSON.parse(
    await run(namespace, ['ip', '-json', 'neigh', 'show', 'to', ip, 'dev', FRONT_END_PORT]),
  ) as { readonly lladdr?: string }[];
  return entry?.lladdr ?? null;
}
