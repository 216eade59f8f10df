// SPDX-License-Identifier: Apache-2.0
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { HeartbeatConfig } from '../config/heartbeat.ts';
import type { Log } from '../log.ts';
import { seal } from './envelope.ts';
import { readHeartbeatKey } from './heartbeat-key.ts';

/** Of Octavia's messages: version 3, in which an amphora's statistics are differences. */
const messageVersion = 3;

export interface HeartbeatParts {
  /** How many distributors the host has. */
  readonly distributors: () => number;
  readonly log: Log;
}

/** Tells Octavia's health managers, one after the other, that this host is alive. */
export class Heartbeat {
  readonly #parts: HeartbeatParts;
  #config: HeartbeatConfig | null = null;
  #timer: NodeJS.Timeout | null = null;
  #sequence = 0;
  #sent = 0;
  #failures = 0;
  /** Places in the list of controllers: while one fails others may not. */
  readonly #failing = new Set<number>();

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
  }

  /** Whether there is a key. @throws ConfigError */
  static async check(config: HeartbeatConfig | null): Promise<void> {
    if (config !== null) await readHeartbeatKey(config.keyFile);
  }

  /** Since the start; null where none are sent. */
  get counts(): { readonly sent: number; readonly failures: number } | null {
    return this.#config === null ? null : { sent: this.#sent, failures: this.#failures };
  }

  /** Sends as configured from now on; null = not. Throws, and goes on as before, without a key. */
  async follow(config: HeartbeatConfig | null): Promise<void> {
    await Heartbeat.check(config);
    if (JSON.stringify(config) === JSON.stringify(this.#config)) return;
    this.close();
    this.#failing.clear();
    this.#config = config;
    if (config === null) return;
    this.#timer = setInterval(() => void this.#beat(config), config.intervalSeconds * 1000);
    void this.#beat(config);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #beat(config: HeartbeatConfig): Promise<void> {
    const { log, distributors } = this.#parts;
    const { id, controllers, keyFile } = config;
    const seq = this.#sequence++;
    const place = seq % controllers.length;
    const to = controllers[place];
    if (to === undefined) return; // the schema wants one
    // Octavia's manager reads listeners and pools, which a distributor has none of.
    const message = { id, seq, ver: messageVersion, listeners: {}, pools: {} };
    try {
      const key = await readHeartbeatKey(keyFile);
      await send(await seal({ ...message, distributors: distributors() }, key), to);
      this.#sent++;
      if (this.#failing.delete(place)) log.info(to, 'heartbeats are sent again');
    } catch (error) {
      this.#failures++;
      if (!this.#failing.has(place))
        log.warn({ ...to, err: error }, 'a heartbeat could not be sent');
      this.#failing.add(place);
    }
  }
}

/** From a socket of its own: nothing that happened to another one counts. */
async function send(
  datagram: Buffer,
  { address, port }: HeartbeatConfig['controllers'][number],
): Promise<void> {
  const socket: Socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.send(datagram, port, address, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  } finally {
    socket.close();
  }
}
