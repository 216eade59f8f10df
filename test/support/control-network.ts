// SPDX-License-Identifier: Apache-2.0
import { newBedName } from './bed-names.ts';
import { createNamespaces, deleteNamespaces, emptyNamespaces, run } from './namespaces.ts';
import { lines, offloadsOff } from './script.ts';
import type { TestBed } from './test-bed.ts';

/** The port of the distributor's box on it. */
const PORT = 'ctl0';

/**
 * A controller's box, with a cable to the distributor's box of each bed. Beds have the same addresses
 * in their front-end networks, as racks have; here each has its own.
 */
export class ControlNetwork {
  readonly namespace: string;

  private constructor(namespace: string) {
    this.namespace = namespace;
  }

  static async create(beds: readonly TestBed[]): Promise<ControlNetwork> {
    const network = new ControlNetwork(`${newBedName()}-control`);
    const { namespace } = network;
    await createNamespaces([namespace]);
    await run(namespace, ['ip', 'link', 'set', 'lo', 'up']);
    for (const [index, { namespaces }] of beds.entries()) {
      const near = `host${index.toString()}`;
      const far = namespaces.distributor;
      const made = [`link add ${near} netns ${namespace} type veth peer name ${PORT} netns ${far}`];
      await run(null, ['ip', '-batch', '-'], lines(...made));
      for (const [place, name, address] of [
        [namespace, near, `${network.controllerAddress(index)}/30`],
        [far, PORT, `${network.addressOf(index)}/30`],
      ] as const) {
        const script = lines('set -e', offloadsOff(name), `ip address add ${address} dev ${name}`);
        await run(place, ['sh', '-s'], `${script}ip link set ${name} up\n`);
      }
    }
    return network;
  }

  /** Of the distributor's box of the bed at that index. */
  addressOf(index: number): string {
    return `10.30.${index.toString()}.2`;
  }

  /** Of the controller's end of that cable. */
  controllerAddress(index: number): string {
    return `10.30.${index.toString()}.1`;
  }

  async remove(): Promise<void> {
    await emptyNamespaces([this.namespace]);
    await deleteNamespaces([this.namespace]);
  }
}
