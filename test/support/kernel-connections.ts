// SPDX-License-Identifier: Apache-2.0
import { run } from './namespaces.ts';
import { VIP } from './topology.ts';

/** `close-wait`: the client has sent FIN, and the service has yet to send its own. */
export type ConnectionState = 'established' | 'close-wait';

/** How many TCP connections to the VIPs an amphora's kernel has in that state. */
export async function kernelConnections(
  { namespace }: { readonly namespace: string },
  state: ConnectionState,
): Promise<number> {
  const toVip = `( src ${VIP.ipv4} or src [${VIP.ipv6}] )`;
  const text = await run(namespace, ['ss', '-Htn', 'state', state, toVip]);
  return text.split('\n').filter((line) => line !== '').length;
}
