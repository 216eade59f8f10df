// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { echoSocket } from './echo-socket.ts';
import { haproxyConfig } from './haproxy-config.ts';
import { Service } from './service.ts';
import type { AmphoraPort } from './topology.ts';
import { waitUntil } from './wait-until.ts';

const HAPROXY = '/usr/sbin/haproxy';
const UDP_ECHO = join(import.meta.dirname, 'udp-echo.ts');

/** An amphora: a real HAProxy, and a UDP service, in a namespace with the VIPs on its loopback. */
export class Amphora implements AmphoraPort {
  readonly id: number;
  readonly name: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly mac: string;
  readonly namespace: string;
  readonly #directory: string;
  #services: readonly Service[] = [];

  constructor(port: AmphoraPort, namespace: string, directory: string) {
    this.id = port.id;
    this.name = port.name;
    this.ipv4 = port.ipv4;
    this.ipv6 = port.ipv6;
    this.mac = port.mac;
    this.namespace = namespace;
    this.#directory = directory;
  }

  get running(): boolean {
    return this.#services.length > 0 && this.#services.every((service) => service.running);
  }

  /** Starts its services and resolves when they answer. */
  async start(): Promise<void> {
    if (this.#services.length > 0) throw new Error(`${this.name} has been started already`);
    const config = join(this.#directory, `${this.name}.cfg`);
    const statistics = join(this.#directory, `${this.name}.stats`);
    const echo = echoSocket(this.#directory, this.name);
    writeFileSync(config, haproxyConfig(this.name, { statistics, echo }));
    // Left by a stopped HAProxy. With it gone, an answer can only be the new one's.
    rmSync(statistics, { force: true });

    const { namespace } = this;
    const haproxy = new Service({
      name: `HAProxy of ${this.name}`,
      namespace,
      argv: [HAPROXY, '-db', '-f', config],
    });
    const udpEcho = new Service({
      name: `UDP echo of ${this.name}`,
      namespace,
      argv: [process.execPath, UDP_ECHO, this.name],
      ipc: true,
    });
    this.#services = [haproxy, udpEcho];
    await Promise.all([
      udpEcho.ready(),
      waitUntil(`${haproxy.name} to answer`, () => {
        haproxy.assertRunning();
        return answers(statistics);
      }),
    ]);
  }

  /**
   * Kills its services, as when they crash: the kernel ends their connections (FIN, or RST where bytes
   * were unread) and refuses new ones. Its network stays up. `start` brings it back.
   */
  async stop(): Promise<void> {
    const services = this.#services;
    this.#services = [];
    await Promise.all(services.map((service) => service.end()));
  }

  /** Freezes its services: the kernel goes on acknowledging for them. `resume` lets them go on. */
  pause(): void {
    for (const { child } of this.#services) child.kill('SIGSTOP');
  }

  resume(): void {
    for (const { child } of this.#services) child.kill('SIGCONT');
  }
}

/** Whether HAProxy's statistics socket answers: by then all of its listeners are bound. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    socket.write('show info\n');
    await once(socket, 'data');
    return true;
  } catch {
    return false;
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}
