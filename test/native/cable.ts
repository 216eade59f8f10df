// SPDX-License-Identifier: Apache-2.0
import { newBedName, sweepLeftovers } from '../support/bed-names.ts';
import { createNamespaces, deleteNamespaces, run } from '../support/namespaces.ts';

/** One end of a cable between two namespaces. */
export interface End {
  readonly namespace: string;
  readonly ifindex: number;
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

export interface Cable {
  readonly near: End;
  readonly far: End;
}

/** The name of the port at both ends. */
export const PORT = 'port0';

const macs = { near: '02:30:00:00:00:01', far: '02:30:00:00:00:02' } as const;

/** Two namespaces with a veth pair between them, up and with addresses. */
export async function layCable(): Promise<Cable> {
  await sweepLeftovers();
  const bed = newBedName();
  const [near, far] = [`${bed}-near`, `${bed}-far`];
  await createNamespaces([near, far]);
  await run(null, [
    ...['ip', 'link', 'add', PORT, 'address', macs.near, 'netns', near, 'type', 'veth'],
    ...['peer', 'name', PORT, 'address', macs.far, 'netns', far],
  ]);
  return { near: await plugIn(near, 'near'), far: await plugIn(far, 'far') };
}

export async function removeCable({ near, far }: Cable): Promise<void> {
  await deleteNamespaces([near.namespace, far.namespace]);
}

async function plugIn(namespace: string, end: 'near' | 'far'): Promise<End> {
  const host = end === 'near' ? 1 : 2;
  const ipv4 = `10.30.0.${host}`;
  const ipv6 = `fd00:30::${host}`;
  // Until its link-local address is known to be unique, a port solicits nobody.
  await run(namespace, ['sysctl', '-q', `net.ipv6.conf.${PORT}.accept_dad=0`]);
  const lines = [
    `address add ${ipv4}/24 dev ${PORT}`,
    `address add ${ipv6}/64 dev ${PORT} nodad`,
    `link set ${PORT} up`,
  ];
  await run(namespace, ['ip', '-batch', '-'], lines.join('\n'));
  const { ifindex } = await link(namespace, PORT);
  return { namespace, ifindex, mac: macs[end], ipv4, ipv6 };
}

export interface Link {
  readonly ifindex: number;
  readonly xdp?: { readonly mode: number; readonly prog: { readonly id: number } };
}

/** A port as `ip` sees it. */
export async function link(namespace: string, name: string): Promise<Link> {
  const [found] = JSON.parse(await run(namespace, ['ip', '-json', 'link', 'show', name])) as Link[];
  if (found === undefined) throw new Error(`no port ${name} in ${namespace}`);
  return found;
}
