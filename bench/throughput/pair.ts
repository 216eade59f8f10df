// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync } from 'node:fs';
import { newBedName, sweepLeftovers, workDirectory } from '../../test/support/bed-names.ts';
import {
  createNamespaces,
  deleteNamespaces,
  emptyNamespaces,
  run,
} from '../../test/support/namespaces.ts';
import { PORT_MAC, ROUTER_MAC } from '../../test/packets/distributors.ts';
import { frameOf } from '../frames.ts';
import { amphoraMac } from '../world.ts';
import type { Place } from './contender.ts';
import type { CpuLayout } from './cpu-layout.ts';

const NEAR = 'g0';
const FAR = 'd0';
/** Seconds for one run of the generator. */
const PATIENCE = '120';

export interface Offer {
  readonly frames: number;
  readonly flows: number;
  /** log2 of the frames of a flow before the next one's. */
  readonly inARow: number;
}

export interface Outcome {
  readonly sent: number;
  readonly seconds: number;
  /** Frames that came back, by where to. */
  readonly toSender: number;
  readonly toOthers: number;
  readonly toAmphorae: readonly number[];
}

/** Two ports, each in a namespace of its own: the generator is at one, a forwarder at the other. */
export class Pair {
  readonly place: Place;
  readonly #near: string;
  readonly #layout: CpuLayout;

  private constructor(bed: string, amphorae: number, layout: CpuLayout) {
    this.#near = `${bed}-generator`;
    this.#layout = layout;
    this.place = {
      ...{ namespace: `${bed}-forwarder`, port: FAR, mac: PORT_MAC },
      amphorae: Array.from({ length: amphorae }, (_, position) => amphoraMac(position)),
      ...{ directory: workDirectory(bed), cpus: layout.others },
    };
  }

  static async create(amphorae: number, layout: CpuLayout): Promise<Pair> {
    await sweepLeftovers();
    const pair = new Pair(newBedName(), amphorae, layout);
    try {
      await pair.#wire();
    } catch (error) {
      await pair.remove();
      throw error;
    }
    return pair;
  }

  async #wire(): Promise<void> {
    const { namespace, directory } = this.place;
    mkdirSync(directory, { mode: 0o700 });
    await createNamespaces([this.#near, namespace]);
    // Neither says anything of its own on the link.
    for (const each of [this.#near, namespace])
      await run(each, ['sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1']);
    const oneQueue = ['numrxqueues', '1', 'numtxqueues', '1'];
    await run(this.#near, [
      ...['ip', 'link', 'add', NEAR, 'address', ROUTER_MAC, ...oneQueue, 'type', 'veth'],
      ...['peer', 'name', FAR, 'address', PORT_MAC, ...oneQueue, 'netns', namespace],
    ]);
    await run(this.#near, ['ip', 'link', 'set', NEAR, 'up']);
    await run(namespace, ['ip', 'link', 'set', FAR, 'up']);
  }

  /** Sends as fast as one CPU can, and resolves when nothing more comes back. */
  async offer({ frames, flows, inARow }: Offer): Promise<Outcome> {
    const { hex, sourceAt } = frameOf('TCP', 4);
    const [firstAmphora = ''] = this.place.amphorae;
    const output = await run(
      this.#near,
      [
        ...['timeout', PATIENCE, 'build/throughput', NEAR, this.#layout.generator, hex, flows],
        ...[sourceAt, inARow, firstAmphora, frames],
      ].map(String),
    );
    const numbers = output.trim().split(' ').map(Number);
    const [sent = 0, nanoseconds = 0, toSender = 0, toOthers = 0, ...all] = numbers;
    const count = this.place.amphorae.length;
    const unknown = all.slice(count).reduce((sum, each) => sum + each, 0);
    return {
      ...{ sent, seconds: nanoseconds / 1e9, toSender, toOthers: toOthers + unknown },
      toAmphorae: all.slice(0, count),
    };
  }

  /** With all processes in it. */
  async remove(): Promise<void> {
    const { namespace, directory } = this.place;
    const namespaces = [this.#near, namespace];
    await emptyNamespaces(namespaces);
    await deleteNamespaces(namespaces);
    rmSync(directory, { recursive: true, force: true });
  }
}
