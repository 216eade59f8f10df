// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Amphora } from './amphora.ts';
import { newBedName, pinDirectory, sweepLeftovers, workDirectory } from './bed-names.ts';
import { planBed, type BedNamespaces, type BedPlan, type TestBedOptions } from './bed-plan.ts';
import * as boxes from './boxes.ts';
import { Clients } from './clients.ts';
import { createNamespaces, deleteNamespaces, emptyNamespaces, run } from './namespaces.ts';
import { Service } from './service.ts';
import { ROUTER, VIP } from './topology.ts';
import type { DualAddress, FrontEndPort } from './topology.ts';
import { bridgeScript, cables, distributorCable, distributorPortScript } from './wiring.ts';

const ECHO_SERVER = join(import.meta.dirname, 'echo-server.ts');
const XDP_PASS = join(import.meta.dirname, '../../build/xdp-pass.o');

/** Boxes, cables and real services around an empty box: the distributor under test goes there. */
export class TestBed {
  /** For the files of whoever uses the bed, too; goes away with it. */
  readonly directory: string;
  /** For the daemon's pins; goes away with the bed. */
  readonly pins: string;
  readonly vip: DualAddress = VIP;
  readonly router: FrontEndPort = ROUTER;
  readonly amphorae: readonly Amphora[];
  readonly #plan: BedPlan;
  #clients: Clients | null = null;
  #echoServer: Service | null = null;
  #removed: Promise<void> | null = null;

  /** Names things and makes nothing yet: see `createTestBed`. */
  constructor(name: string, options: TestBedOptions) {
    this.directory = workDirectory(name);
    this.pins = pinDirectory(name);
    this.#plan = planBed(name, options);
    this.amphorae = this.#plan.amphorae.map(
      (port) => new Amphora(port, `${name}-${port.name}`, this.directory),
    );
  }

  get namespaces(): BedNamespaces {
    return this.#plan.namespaces;
  }

  /** Throws where the distributor has no address of its own in this bed's network. */
  get distributor(): FrontEndPort {
    const { address, mac } = this.#plan.distributor;
    if (address === null) throw new Error('the distributor only serves this network');
    return { ...address, mac };
  }

  /** The name of the distributor's port in this bed's network. */
  get distributorPort(): string {
    return this.#plan.distributor.name;
  }

  get clients(): Clients {
    if (this.#clients === null) throw new Error('the test bed has no clients yet');
    return this.#clients;
  }

  /** The amphora of that id or name. */
  amphora(which: number | string): Amphora {
    const found = this.amphorae.find(({ id, name }) => id === which || name === which);
    if (found === undefined) throw new RangeError(`no amphora ${String(which)} in the test bed`);
    return found;
  }

  async build(): Promise<void> {
    mkdirSync(this.directory);
    await createNamespaces(this.#plan.ownNamespaces);
    await run(null, ['ip', '-batch', '-'], cables(this.#plan));
    const { client, gateway, router, bridge, distributor } = this.namespaces;
    await Promise.all([
      runScript(bridge, bridgeScript(this.#plan, XDP_PASS)),
      runScript(router, boxes.routerScript(this.#plan)),
      gateway === null ? null : runScript(gateway, boxes.gatewayScript()),
      runScript(client, boxes.clientScript()),
      runScript(distributor, boxes.distributorScript(this.#plan)),
      ...this.amphorae.map((port) => runScript(port.namespace, boxes.amphoraScript(port))),
    ]);
  }

  /** Takes the distributor's port away, until the returned function puts another in its place. */
  async removeDistributorPort(): Promise<() => Promise<void>> {
    const { bridge, distributor } = this.namespaces;
    await run(distributor, ['ip', 'link', 'delete', this.distributorPort]);
    return async () => {
      await run(null, ['ip', '-batch', '-'], distributorCable(this.#plan));
      await runScript(bridge, distributorPortScript(XDP_PASS));
      await runScript(distributor, boxes.distributorScript(this.#plan));
    };
  }

  async startServices(): Promise<void> {
    const echoServer = new Service({
      name: 'the echo server',
      // Reached through files alone; inside a namespace of the bed, it is swept like the others.
      namespace: this.namespaces.bridge,
      argv: [
        process.execPath,
        ECHO_SERVER,
        this.directory,
        ...this.amphorae.map(({ name }) => name),
      ],
      ipc: true,
    });
    this.#echoServer = echoServer;
    const [clients] = await Promise.all([
      Clients.start(this.namespaces.client),
      echoServer.ready(),
      ...this.amphorae.map((amphora) => amphora.start()),
    ]);
    this.#clients = clients;
  }

  /** Ends every process in the bed, the user's included, and removes all of it. May be called again. */
  remove(): Promise<void> {
    this.#removed ??= this.#remove();
    return this.#removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }

  async #remove(): Promise<void> {
    await Promise.all([
      this.#clients?.end(),
      this.#echoServer?.end(),
      ...this.amphorae.map((amphora) => amphora.stop()),
    ]);
    await emptyNamespaces(this.#plan.ownNamespaces);
    await deleteNamespaces(this.#plan.ownNamespaces);
    for (const directory of [this.directory, this.pins])
      rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Makes a test bed, having swept away what killed runs left. Needs root, HAProxy, and the XDP program
 * that `make` builds. The VIP leads nowhere until a distributor announces it.
 */
export async function createTestBed(options: TestBedOptions): Promise<TestBed> {
  if (!existsSync(XDP_PASS)) throw new Error(`no ${XDP_PASS}: build it with make`);
  await sweepLeftovers();
  const bed = new TestBed(newBedName(), options);
  try {
    await bed.build();
    await bed.startServices();
    return bed;
  } catch (error) {
    await bed.remove();
    throw error;
  }
}

async function runScript(namespace: string, script: string): Promise<void> {
  await run(namespace, ['sh', '-s'], script);
}
