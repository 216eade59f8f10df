// SPDX-License-Identifier: Apache-2.0
import { chownSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateAuthority, type Issued } from './certificates.ts';
import { ControlNetwork } from './control-network.ts';
import { DaemonProcess } from './daemon-process.ts';
import { spawnIn } from './namespaces.ts';
import { OctaviaController, PYTHON, pythonEnvironment } from './octavia-controller.ts';
import { SERVICE_USER } from './service-sandbox.ts';
import { createTestBed, type TestBed } from './test-bed.ts';
import type { AmphoraPort } from './topology.ts';
import { waitUntil } from './wait-until.ts';

const TLS_PORT = 9443;
const PREFIXES = { ipv4: '10.20.0.0/24', ipv6: 'fd00:20::/64' };
const CONTROLLER = 'DNS:controller.example';

/** A distributor host: a rack of its own, with addresses as every other rack has. */
export class OctaviaHost {
  readonly bed: TestBed;
  readonly endpoint: string;
  readonly #listen: string;
  readonly #config: string;
  #daemon: DaemonProcess | null = null;

  constructor(bed: TestBed, endpoint: string, { listen, config }: Record<string, string>) {
    this.bed = bed;
    this.endpoint = endpoint;
    this.#listen = listen ?? '';
    this.#config = config ?? '';
  }

  get daemon(): DaemonProcess {
    if (this.#daemon === null) throw new Error('the daemon is not started');
    return this.#daemon;
  }

  async start(): Promise<void> {
    this.#daemon = await DaemonProcess.start(this.bed, this.#config, { listen: this.#listen });
  }

  /** With another configuration from now on. */
  async reload(config: string): Promise<void> {
    this.daemon.configure(`${this.#config}${config}`);
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

export interface OctaviaBedOptions {
  readonly amphorae: number;
  /** YAML beside `listen`. */
  readonly config: string;
}

/** Distributor hosts that a controller reaches over TLS, and what the controller's configuration has. */
export class OctaviaBed {
  readonly hosts: readonly OctaviaHost[];
  readonly network: ControlNetwork;
  readonly authority: CertificateAuthority;
  readonly #certificate: Issued;
  readonly #controllers: OctaviaController[] = [];

  private constructor(
    hosts: readonly OctaviaHost[],
    { network, authority, certificate }: ControllerParts,
  ) {
    this.hosts = hosts;
    this.network = network;
    this.authority = authority;
    this.#certificate = certificate;
  }

  static async create({ amphorae, config }: OctaviaBedOptions): Promise<OctaviaBed> {
    const beds = [await createTestBed({ amphorae }), await createTestBed({ amphorae })];
    const network = await ControlNetwork.create(beds);
    const authority = await CertificateAuthority.start();
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
      hosts.push(new OctaviaHost(bed, `${address}:${TLS_PORT}`, { listen, config }));
    }
    await Promise.all(hosts.map((host) => host.start()));
    const certificate = await authority.issue(CONTROLLER);
    return new OctaviaBed(hosts, { network, authority, certificate });
  }

  /** The first rack, whose addresses all others have, too. */
  get rack(): TestBed {
    const [host] = this.hosts;
    if (host === undefined) throw new RangeError('no host');
    return host.bed;
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

  /** An amphora as Octavia has it. */
  amphora({ name, ipv4 }: AmphoraPort): Readonly<Record<string, string>> {
    return { id: name, vrrp_ip: ipv4, vrrp_port_id: `port-of-${name}` };
  }

  async remove(): Promise<void> {
    for (const controller of this.#controllers) await controller.kill();
    await this.network.remove();
    await Promise.all(this.hosts.map(({ bed }) => bed.remove()));
    await this.authority.remove();
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

interface ControllerParts {
  readonly network: ControlNetwork;
  readonly authority: CertificateAuthority;
  readonly certificate: Issued;
}

/** A copy that the daemon's user can read, and keep to itself. */
function forService(file: string, copy: string): string {
  copyFileSync(file, copy);
  chownSync(copy, SERVICE_USER, SERVICE_USER);
  return copy;
}
