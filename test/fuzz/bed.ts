// SPDX-License-Identifier: Apache-2.0
import { newBedName, sweepLeftovers } from '../support/bed-names.ts';
import { createNamespaces, deleteNamespaces, run } from '../support/namespaces.ts';
import { ports } from './world.ts';

/** A namespace with the two ports, up, which the name of its owner's process tells from others. */
export async function createFuzzBed(): Promise<string> {
  await sweepLeftovers();
  const namespace = `${newBedName()}-fuzz`;
  await createNamespaces([namespace]);
  const lines = ports.flatMap(({ name, mac }) => [
    `link add ${name} address ${mac} type veth peer name ${name}-peer`,
    `link set ${name} up`,
    `link set ${name}-peer up`,
  ]);
  // No frames but the fuzzer's: the ends of a link have nothing to say to each other.
  const silence = ['all', 'default'].map((which) => `net.ipv6.conf.${which}.disable_ipv6=1`);
  await run(namespace, ['sysctl', '-q', ...silence]);
  await run(namespace, ['ip', '-batch', '-'], lines.join('\n'));
  return namespace;
}

export async function removeFuzzBed(namespace: string): Promise<void> {
  await deleteNamespaces([namespace]);
}
