// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Amphora } from './amphora.ts';
import { newBedName, sweepLeftovers, workDirectory } from './bed-names.ts';
import { Clients } from './clients.ts';
import { createNamespaces, deleteNamespaces, emptyNamespaces, run } from './namespaces.ts';
import { Service } from './service.ts';
import { amphoraPort, DISTRIBUTOR, MAX_AMPHORAE, ROUTER, VIP } from './topology.ts';
import type { AmphoraPort, DualAddress, FrontEndPort } from './topology.ts';
import * as wiring from './wiring.ts';

export interface TestBedOptions {
  /** How many there are, with ids from 1. */
  readonly amphorae: number;
}

const ECHO_SERVER = join(import.meta.dirname, 'echo-server.ts');
const XDP_PASS = join(import.meta.dirname, '../../build/xdp-pass.o');

/** Boxes, cables and real services around an empty box: the distributor under test goes there. */
export class TestBed {
  readonly namespaces: wiring.BedNamespaces;
  /** For the files of whoever uses the bed, too; goes away with it. */
  readonly directory: string;
  readonly vip: DualAddress = VIP;
  readonly router: FrontEndPort = ROUTER;
  readonly distributor: FrontEndPort = DISTRIBUTOR;
  readonly amphorae: readonly Amphora[];
  #clients: Clients | null = null;
  #echoServer: Service | null = null;
  #removed: Promise<void> | null = null;

  /** Names things and makes nothing yet: see `createTestBed`. */
  constructor(name: string, ports: readonly AmphoraPort[]) {
    this.directory = workDirectory(name);
    this.namespaces = {
      client: `${name}-client`,
      router: `${name}-router`,
      bridge: `${name}-bridge`,
      distributor: `${name}-distributor`,
      amphorae: ports.map((port) => `${name}-${port.name}`),
    };
    this.amphorae = ports.map((port) => new Amphora(port, `${name}-${port.name}`, this.directory));
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
    await createNamespaces(this.#allNamespaces());
    await run(null, ['ip', '-batch', '-'], wiring.cables(this.namespaces, this.amphorae));
    const { client, router, bridge, distributor } = this.namespaces;
    await Promise.all([
      runScript(bridge, wiring.bridgeScript(this.amphorae, XDP_PASS)),
      runScript(router, wiring.routerScript()),
      runScript(client, wiring.clientScript()),
      runScript(distributor, wiring.distributorScript()),
      ...this.amphorae.map((port) => runScript(port.namespace, wiring.amphoraScript(port))),
    ]);
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
    const namespaces = this.#allNamespaces();
    await emptyNamespaces(namespaces);
    await deleteNamespaces(namespaces);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #allNamespaces(): string[] {
    const { client, router, bridge, distributor, amphorae } = this.namespaces;
    return [client, router, bridge, distributor, ...amphorae];
  }
}

/**
 * Makes a test bed, having swept away what killed runs left. Needs root, HAProxy, and the XDP program
 * that `make` builds. The VIP leads nowhere until a distributor announces it.
 */
export async function createTestBed(options: TestBedOptions): Promise<TestBed> {
  const { amphorae } = options;
  if (!Number.isInteger(amphorae) || amphorae < 0 || amphorae > MAX_AMPHORAE) {
    throw new RangeError(
      `amphorae is ${String(amphorae)}, not within 0 to ${MAX_AMPHORAE.toString()}`,
    );
  }
  if (!existsSync(XDP_PASS)) throw new Error(`no ${XDP_PASS}: build it with make`);
  await sweepLeftovers();
  const ports = Array.from({ length: amphorae }, (_, index) => amphoraPort(index + 1));
  const bed = new TestBed(newBedName(), ports);
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
