// SPDX-License-Identifier: Apache-2.0
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { ByteSource } from './byte-source.ts';
import type { DatagramReport } from './client-protocol.ts';
import { addressOf, clientAddress, UDP_ECHO_PORT, VIP, type Family } from './topology.ts';

export interface DatagramFlowOptions {
  readonly family: Family;
  readonly client: number;
  readonly bytes: number;
  /** 0 for any. */
  readonly sourcePort: number;
  readonly lostAfterMs: number;
}

/** A client's UDP socket, whose datagrams an amphora echoes behind its name. */
export class DatagramFlow {
  readonly #options: DatagramFlowOptions;
  readonly #socket: Socket;
  readonly #bytes: ByteSource;
  readonly #amphorae = new Set<string>();
  #answered = 0;
  #lost = 0;
  #wrong = 0;
  #detail: string | null = null;
  #awaited: { readonly payload: Buffer; readonly resolve: () => void } | null = null;

  private constructor(options: DatagramFlowOptions) {
    this.#options = options;
    this.#bytes = new ByteSource(options.client * 2 + (options.family === 6 ? 1 : 0));
    this.#socket = createSocket({ type: options.family === 4 ? 'udp4' : 'udp6' });
    this.#socket.on('message', (data) => {
      this.#read(data);
    });
    this.#socket.on('error', (error) => {
      this.#detail ??= error.message;
    });
  }

  static async open(options: DatagramFlowOptions): Promise<DatagramFlow> {
    const { family, client, sourcePort } = options;
    const flow = new DatagramFlow(options);
    flow.#socket.bind(sourcePort, clientAddress(family, client));
    await once(flow.#socket, 'listening');
    // A connected socket takes answers from the VIP alone, and hears of ICMP errors.
    flow.#socket.connect(UDP_ECHO_PORT, addressOf(family, VIP));
    await once(flow.#socket, 'connect');
    return flow;
  }

  report(): DatagramReport {
    return {
      client: this.#options.client,
      family: this.#options.family,
      amphorae: [...this.#amphorae],
      answered: this.#answered,
      lost: this.#lost,
      wrong: this.#wrong,
      detail: this.#detail,
    };
  }

  /** Sends one datagram; resolves when its answer has come or is lost. */
  async exchange(): Promise<void> {
    const { promise, resolve }: PromiseWithResolvers<void> = Promise.withResolvers();
    const payload = this.#bytes.message(this.#options.bytes);
    this.#awaited = { payload, resolve };
    const timer = setTimeout(() => {
      this.#lost++;
      resolve();
    }, this.#options.lostAfterMs);
    this.#socket.send(payload, (error) => {
      if (error !== null) this.#detail ??= error.message;
    });
    await promise;
    clearTimeout(timer);
    this.#awaited = null;
  }

  close(): void {
    this.#socket.close();
  }

  #read(data: Buffer): void {
    const separator = data.indexOf(':');
    const amphora = data.toString('latin1', 0, separator);
    if (this.#awaited?.payload.equals(data.subarray(separator + 1)) === true) {
      this.#amphorae.add(amphora);
      this.#answered++;
      this.#awaited.resolve();
    } else {
      this.#wrong++;
      this.#detail ??= `${data.length.toString()} bytes from ${amphora}, not as sent or too late`;
    }
  }
}
