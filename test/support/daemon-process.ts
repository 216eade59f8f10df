// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '../../src/cli/client.ts';
import { run, spawnIn } from './namespaces.ts';
import { inServiceSandbox } from './service-sandbox.ts';
import type { TestBed } from './test-bed.ts';
import { waitUntil } from './wait-until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Smaller than in production. */
export const smallMaps = 'capacity: {vips: 64, slots: 262144, flows: 65536}\n';
const CTL = join(import.meta.dirname, '../../src/cli/main.ts');

export interface DaemonOptions {
  /** As setpriv names them; by default those of the unit that is shipped. */
  readonly capabilities?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * A real distributord in the bed's distributor box, confined as its unit confines it, and a client
 * of its API.
 */
export class DaemonProcess {
  readonly socket: string;
  readonly client: Client;
  readonly #bed: TestBed;
  readonly #path: string;
  readonly #child: ReturnType<typeof spawnIn>;
  readonly #exited: Promise<number | null>;
  #log = '';

  private constructor(bed: TestBed, config: string, options: DaemonOptions) {
    this.#bed = bed;
    const { directory, pins } = bed;
    this.socket = join(directory, 'distributord.sock');
    this.#path = join(directory, 'distributord.yaml');
    this.configure(config);
    const argv = [process.execPath, MAIN, '--config', this.#path];
    const { capabilities, environment } = options;
    const limits = capabilities === undefined ? {} : { capabilities };
    this.#child = spawnIn(
      bed.namespaces.distributor,
      inServiceSandbox(argv, { directory, pins, ...limits }),
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...environment } },
    );
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    this.#exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.client = new Client(this.socket);
  }

  /** `config` is YAML beside `listen`. */
  static async start(
    bed: TestBed,
    config = smallMaps,
    options: DaemonOptions = {},
  ): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(bed, config, options);
    await waitUntil('distributord to be ready', () => {
      if (daemon.#child.exitCode !== null) throw new Error(`distributord exited:\n${daemon.#log}`);
      return daemon.#log.includes('"msg":"ready"');
    });
    return daemon;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('distributord was not started');
    return this.#child.pid;
  }

  /** What it has logged so far, JSON lines. */
  get log(): string {
    return this.#log;
  }

  /** Runs distributorctl against it; rejects with what that prints on standard error. */
  ctl(...argv: readonly string[]): Promise<string> {
    return run(this.#bed.namespaces.distributor, [
      process.execPath,
      CTL,
      '--socket',
      this.socket,
      ...argv,
    ]);
  }

  /** Writes its configuration: YAML beside `listen`. For a running one, see reload(). */
  configure(config: string): void {
    const own = `listen: {socket: ${this.socket}}\nstate: {pins: ${this.#bed.pins}}\n`;
    writeFileSync(this.#path, own + config);
  }

  /** Has it read its configuration again; does not wait. */
  reload(): void {
    this.#child.kill('SIGHUP');
  }

  /** An orderly stop; returns the exit status. */
  async stop(): Promise<number | null> {
    this.client.close();
    this.#child.kill('SIGTERM');
    return this.#exited;
  }

  async kill(): Promise<void> {
    this.client.close();
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
