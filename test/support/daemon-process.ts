// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '../../src/cli/client.ts';
import { run, spawnIn } from './namespaces.ts';
import { inServiceSandbox } from './service-sandbox.ts';
import type { TestBed } from './test-bed.ts';
import { waitUntil } from './wait-until.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The build that is tested, and one whose maps are laid out differently (see next-abi.sh). */
const BUILDS = { this: ROOT, next: join(ROOT, 'build/next') };
/** Smaller than in production. */
export const smallMaps = 'capacity: {vips: 64, slots: 262144, flows: 65536}\n';
const CTL = join(ROOT, 'src/cli/main.ts');

export interface DaemonOptions {
  /** As setpriv names them; by default those of the unit that is shipped. */
  readonly capabilities?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly build?: keyof typeof BUILDS;
  /** The bed's distributor box if left out. */
  readonly namespace?: string;
  /** Keys of `listen` beside the socket: YAML in flow style. */
  readonly listen?: string;
  /** Milliseconds within which it has to be ready. */
  readonly readyWithin?: number;
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
  readonly #listen: string;
  readonly #child: ReturnType<typeof spawnIn>;
  readonly #exited: Promise<number | null>;
  #log = '';

  private constructor(bed: TestBed, config: string, options: DaemonOptions) {
    this.#bed = bed;
    const { directory, pins } = bed;
    this.socket = join(directory, 'distributord.sock');
    this.#path = join(directory, 'distributord.yaml');
    this.#listen = options.listen === undefined ? '' : `, ${options.listen}`;
    this.configure(config);
    const { capabilities, environment, build = 'this' } = options;
    const { namespace = bed.namespaces.distributor } = options;
    const main = join(BUILDS[build], 'src/main.ts');
    const argv = [process.execPath, main, '--config', this.#path];
    const limits = capabilities === undefined ? {} : { capabilities };
    this.#child = spawnIn(namespace, inServiceSandbox(argv, { directory, pins, ...limits }), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    this.#exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.client = new Client(this.socket);
  }

  /** Does not wait until it answers calls. */
  static launch(bed: TestBed, config = smallMaps, options: DaemonOptions = {}): DaemonProcess {
    return new DaemonProcess(bed, config, options);
  }

  /** `config` is YAML beside `listen`. */
  static async start(
    bed: TestBed,
    config = smallMaps,
    options: DaemonOptions = {},
  ): Promise<DaemonProcess> {
    const daemon = DaemonProcess.launch(bed, config, options);
    const isReady = () => {
      if (daemon.#child.exitCode !== null) throw new Error(`distributord exited:\n${daemon.#log}`);
      return daemon.#log.includes('"msg":"ready"');
    };
    const { readyWithin: deadlineMs = 5000 } = options;
    await waitUntil('distributord to be ready', isReady, { deadlineMs });
    return daemon;
  }

  get configPath(): string {
    return this.#path;
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
    const { directory, pins } = this.#bed;
    const state = `state: {directory: ${join(directory, 'state')}, pins: ${pins}}`;
    writeFileSync(
      this.#path,
      `listen: {socket: ${this.socket}${this.#listen}}\n${state}\n${config}`,
    );
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

  /** At a moment of its life that nobody knows. */
  async killAfter(milliseconds: number): Promise<void> {
    await delay(milliseconds);
    await this.kill();
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
    this.client.close();
  }
}
