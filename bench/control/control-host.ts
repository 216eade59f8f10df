// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync } from 'node:fs';
import {
  newBedName,
  pinDirectory,
  sweepLeftovers,
  workDirectory,
} from '../../test/support/bed-names.ts';
import {
  createNamespaces,
  deleteNamespaces,
  emptyNamespaces,
  run,
} from '../../test/support/namespaces.ts';
import { PORT_MAC } from '../../test/packets/distributors.ts';
import { FirstPacket } from './first-packet.ts';

const PORT = 'd0';
const FAR = 'c0';

/** A distributor host and a link to its port, each in a namespace of its own; files for a daemon. */
export class ControlHost {
  /** The port that VIPs are on. */
  readonly port = PORT;
  readonly namespace: string;
  /** For the daemon's files; exists. */
  readonly directory: string;
  readonly pins: string;
  readonly #link: string;

  private constructor(bed: string) {
    this.namespace = `${bed}-distributor`;
    this.#link = `${bed}-link`;
    this.directory = workDirectory(bed);
    this.pins = pinDirectory(bed);
  }

  static async create(): Promise<ControlHost> {
    await sweepLeftovers();
    const host = new ControlHost(newBedName());
    try {
      await host.#wire();
    } catch (error) {
      await host.remove();
      throw error;
    }
    return host;
  }

  async #wire(): Promise<void> {
    mkdirSync(this.directory, { mode: 0o700 });
    await createNamespaces([this.namespace, this.#link]);
    for (const each of [this.namespace, this.#link])
      await run(each, ['sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1']);
    await run(this.namespace, ['ip', 'link', 'set', 'lo', 'up']);
    await run(this.namespace, [
      ...['ip', 'link', 'add', PORT, 'address', PORT_MAC, 'type', 'veth'],
      ...['peer', 'name', FAR, 'netns', this.#link],
    ]);
    await run(this.namespace, ['ip', 'link', 'set', PORT, 'up']);
    // Without a program there, nothing arrives of what XDP sends.
    const pass = ['xdp', 'object', 'build/xdp-pass.o', 'section', 'xdp.frags'];
    await run(this.#link, ['ip', 'link', 'set', FAR, 'up', ...pass]);
  }

  /** Sends packets to VIPs from the other end of the link. */
  startFirstPacket(): FirstPacket {
    return new FirstPacket(this.#link, FAR);
  }

  /** What the kernel would go on to forward, as after a reboot. */
  forgetPins(): void {
    rmSync(this.pins, { recursive: true, force: true });
  }

  /** With all processes in it. */
  async remove(): Promise<void> {
    const namespaces = [this.namespace, this.#link];
    await emptyNamespaces(namespaces);
    await deleteNamespaces(namespaces);
    for (const path of [this.directory, this.pins]) rmSync(path, { recursive: true, force: true });
  }
}
