// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { chownSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateAuthority, type Issued } from './certificates.ts';
import { ControlNetwork } from './control-network.ts';
import { DaemonProcess } from './daemon-process.ts';
import { spawnIn } from './namespaces.ts';
import { OctaviaController, PYTHON, pythonEnvironment } from './octavia-controller.ts';
import { SERVICE_USER } from './service-sandbox.ts';
import { createTestBed, type TestBed } from './test-bed.ts';
import { waitUntil } from './wait-until.ts';

const TLS_PORT = 9443;
const PREFIXES = { ipv4: '10.20.0.0/24', ipv6: 'fd00:20::/64' };
const CONTROLLER = 'DNS:controller.example';

/** A distributor host: a rack of its own, with addresses as every other rack has. */
export class OctaviaHost {
  readonly bed: TestBed;
  readonly endpoint: string;
  readonly #listen: string;
  #daemon: DaemonProcess | null = null;

  /** `listen`: for the daemon's configuration, YAML in flow style. */
  constructor(bed: TestBed, endpoint: string, listen: string) {
    this.bed = bed;
    this.endpoint = endpoint;
    this.#listen = listen;
  }

  get daemon(): DaemonProcess {
    if (this.#daemon === null) throw new Error('the daemon is not started');
    return this.#daemon;
  }

  async start(): Promise<void> {
    this.#daemon = await DaemonProcess.start(this.bed, config, { listen: this.#listen });
  }

  /** With more in its configuration, YAML, until the next time. */
  async reload(more: string): Promise<void> {
    this.daemon.configure(`${config}${more}`);
    const before = this.daemon.log.length;
    this.daemon.reload();
    await waitUntil('the reload', () => this.daemon.log.includes('"event":"reloaded"', before));
  }

  /**
   * All that its daemon has stored, by id; but for where it would place an amphora that nobody
   * gives a position, which the driver always does.
   */
  async state(): Promise<readonly unknown[]> {
    const documents = [];
    for await (const { document } of this.daemon.client.stream('ExportState', {})) {
      const { nextPosition: _, ...rest } = JSON.parse(document) as Record<string, unknown>;
      documents.push(rest);
    }
    return documents;
  }
}

/** Drains end soon; YAML. */
const config = `
capacity: {vips: 64, slots: 262144, flows: 65536}
timeouts: {tcpIdleSeconds: 4, otherIdleSeconds: 2, learningWindowSeconds: 1}
`;
/** Those that are probed. */
const clients = Array.from({ length: 300 }, (_, index) => 10_000 + index);

/** Whom a new connection of each client reaches, by family and client. */
type Placement = ReadonlyMap<string, string | null>;

/** Distributor hosts that a controller reaches over TLS, and what the controller's configuration has. */
export class OctaviaBed {
  readonly hosts: readonly OctaviaHost[];
  readonly network: ControlNetwork;
  readonly authority: CertificateAuthority;
  readonly #certificate: Issued;
  readonly #controllers: OctaviaController[] = [];
  readonly #made: AsyncDisposableStack;

  private constructor({ hosts, network, authority, certificate, made }: BedParts) {
    this.hosts = hosts;
    this.network = network;
    this.authority = authority;
    this.#certificate = certificate;
    this.#made = made;
  }

  static async create({ amphorae }: { readonly amphorae: number }): Promise<OctaviaBed> {
    await using made = new AsyncDisposableStack();
    const beds = [];
    for (let count = 0; count < 2; count++) beds.push(made.use(await createTestBed({ amphorae })));
    const network = await ControlNetwork.create(beds);
    made.defer(() => network.remove());
    const authority = await CertificateAuthority.start();
    made.defer(() => authority.remove());
    const hosts = [];
    for (const [index, bed] of beds.entries()) {
      const address = network.addressOf(index);
      const issued = await authority.issue(`IP:${address}`);
      const [certificate, key, ca] = [issued.certificate, issued.key, authority.certificate].map(
        (file, position) => forService(file, join(bed.directory, `tls-${position}.pem`)),
      );
      const files = `certificate: ${certificate}, key: ${key}, ca: ${ca}`;
      const identities = `identities: [{san: "${CONTROLLER}", role: admin}]`;
      const listen = `tls: {address: ${address}, port: ${TLS_PORT}, ${files}, ${identities}}`;
      hosts.push(new OctaviaHost(bed, `${address}:${TLS_PORT}`, listen));
    }
    await Promise.all(hosts.map((host) => host.start()));
    const certificate = await authority.issue(CONTROLLER);
    return new OctaviaBed({ hosts, network, authority, certificate, made: made.move() });
  }

  host(index: number): OctaviaHost {
    const host = this.hosts[index];
    if (host === undefined) throw new RangeError(`no host ${index}`);
    return host;
  }

  /** The first rack, whose addresses all others have, too. */
  get rack(): TestBed {
    return this.host(0).bed;
  }

  /** Knows all ports; `settings` are of [xdp_distributor], beside what it needs. */
  async startController(
    settings: Readonly<Record<string, string | number>> = {},
  ): Promise<OctaviaController> {
    const controller = await OctaviaController.start({
      namespace: this.network.namespace,
      directory: this.rack.directory,
      settings: { ...this.#settings(), ...settings },
    });
    this.#controllers.push(controller);
    await controller.setNetwork(this.#networkService());
    return controller;
  }

  /** Has a controller make a distributor with both VIPs and these amphorae; returns its id. */
  async createDistributor(
    controller: OctaviaController,
    ...amphorae: readonly number[]
  ): Promise<string> {
    const load_balancer = { id: randomUUID(), name: 'shop' };
    const created = await controller.does('create_distributor', { load_balancer });
    const distributor_id = String(created['distributor_id']);
    const registered = { distributor_id, amphorae: this.amphorae(...amphorae) };
    await controller.does('register_amphorae', registered);
    for (const family of [4, 6] as const) {
      const vip = { vip: this.vip(family), vip_alg: null, vip_persistence: null };
      await controller.does('add_vip', { distributor_id, ...vip });
    }
    return distributor_id;
  }

  /** What each host has stored. */
  states(): Promise<readonly (readonly unknown[])[]> {
    return Promise.all(this.hosts.map((host) => host.state()));
  }

  /** Where each host places clients. */
  placements(): Promise<readonly Placement[]> {
    return Promise.all(
      this.hosts.map(async ({ bed }) => {
        const placed = new Map<string, string | null>();
        for (const family of [4, 6] as const)
          for (const { client, amphora } of await bed.clients.probe({ family, clients }))
            placed.set(`IPv${family} client ${client}`, amphora);
        return placed;
      }),
    );
  }

  /** Runs distributord-octavia-sync with a controller's configuration. */
  async sync({ configPath }: OctaviaController, ...argv: readonly string[]): Promise<SyncResult> {
    const command = [PYTHON, '-m', 'distributord_octavia.sync', '--config-file', configPath];
    const child = spawnIn(this.network.namespace, [...command, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: pythonEnvironment,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => {
        resolve({ status, output });
      });
    });
  }

  /** The VIP as Octavia has it. */
  vip(family: 4 | 6): Readonly<Record<string, string>> {
    const { ipv4, ipv6 } = this.rack.vip;
    return {
      ip_address: family === 4 ? ipv4 : ipv6,
      port_id: 'port-of-vip',
      subnet_id: `subnet-${family}`,
      network_id: 'network',
    };
  }

  /** The amphorae with these numbers as Octavia has them. */
  amphorae(...ids: readonly number[]): readonly Readonly<Record<string, string>>[] {
    return ids.map((id) => {
      const { name, ipv4 } = this.rack.amphora(id);
      return { id: name, vrrp_ip: ipv4, vrrp_port_id: `port-of-${name}` };
    });
  }

  async remove(): Promise<void> {
    for (const controller of this.#controllers) await controller.kill();
    await this.#made.disposeAsync();
  }

  #settings(): Readonly<Record<string, string | number>> {
    return {
      endpoints: this.hosts.map(({ endpoint }) => endpoint).join(),
      tls_ca: this.authority.certificate,
      tls_certificate: this.#certificate.certificate,
      tls_key: this.#certificate.key,
      connection: `sqlite:///${join(this.rack.directory, 'records.db')}`,
      ...{ call_timeout: 10, retries: 1, retry_interval: 0.1, drain_log_interval: 1 },
    };
  }

  #networkService(): Readonly<Record<string, readonly object[]>> {
    const { distributor, amphorae, router } = this.rack;
    const ports = amphorae.map(({ name, mac }) => ({ id: `port-of-${name}`, mac_address: mac }));
    const network_id = 'network';
    return {
      ports: [
        { id: 'port-of-vip', mac_address: distributor.mac },
        { id: 'port-without-mac' },
        ...ports,
      ],
      subnets: [
        { id: 'subnet-4', network_id, cidr: PREFIXES.ipv4, gateway_ip: router.ipv4 },
        { id: 'subnet-6', network_id, cidr: PREFIXES.ipv6, gateway_ip: router.ipv6 },
      ],
      networks: [
        { id: network_id, mtu: 1500 },
        { id: 'network-jumbo', mtu: 9000 },
      ],
    };
  }
}

export interface SyncResult {
  readonly status: number | null;
  /** Standard output and standard error. */
  readonly output: string;
}

interface BedParts {
  readonly hosts: readonly OctaviaHost[];
  readonly network: ControlNetwork;
  readonly authority: CertificateAuthority;
  readonly certificate: Issued;
  /** All that goes away with the bed. */
  readonly made: AsyncDisposableStack;
}

/** A copy that the daemon's user can read, and keep to itself. */
function forService(file: string, copy: string): string {
  copyFileSync(file, copy);
  chownSync(copy, SERVICE_USER, SERVICE_USER);
  return copy;
}
