// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '../../src/cli/client.ts';
import { run, spawnIn } from './namespaces.ts';
import type { TestBed } from './test-bed.ts';
import { waitUntil } from './wait-until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const CTL = join(import.meta.dirname, '../../src/cli/main.ts');

/** A real distributord in the bed's distributor box, and a client of its API. */
export class DaemonProcess {
  readonly socket: string;
  readonly client: Client;
  readonly #bed: TestBed;
  readonly #child: ReturnType<typeof spawnIn>;
  readonly #exited: Promise<number | null>;
  #log = '';

  private constructor(bed: TestBed, config: string) {
    this.#bed = bed;
    this.socket = join(bed.directory, 'distributord.sock');
    const path = join(bed.directory, 'distributord.yaml');
    writeFileSync(path, `listen: {socket: ${this.socket}}\nstate: {pins: ${bed.pins}}\n${config}`);
    this.#child = spawnIn(bed.namespaces.distributor, [process.execPath, MAIN, '--config', path], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    this.#exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.client = new Client(this.socket);
  }

  /** `config` is YAML beside `listen`; the default maps are smaller than in production. */
  static async start(
    bed: TestBed,
    config = 'capacity: {vips: 64, slots: 262144, flows: 65536}\n',
  ): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(bed, config);
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
