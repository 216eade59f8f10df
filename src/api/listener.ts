// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import {
  createServer,
  type AddressInfo,
  type ListenOptions,
  type Server,
  type Socket,
} from 'node:net';
import type { Limits } from '../config/limits.ts';
import type { Log } from '../log.ts';
import type { Peer } from './call-gate.ts';
import type { Caller } from './caller.ts';
import type { RefusalLog } from './refusal-log.ts';
import { Shares } from './shares.ts';
import type { StreamGuard } from './stream-guard.ts';

/** A connection that speaks HTTP/2, as it comes from the kernel or out of TLS. */
export interface Accepted {
  readonly socket: Socket;
  readonly caller: Caller;
}

/** Makes what turns connections as they come from the kernel into ones that speak HTTP/2. */
export type Unwrap = (accept: (accepted: Accepted) => void) => (raw: Socket) => void;

export interface ListenerParts {
  /** For the log: `unix`, `tls`, `insecure`. */
  readonly name: string;
  readonly limits: Limits;
  readonly log: Log;
  readonly refusals: RefusalLog;
  readonly streams: StreamGuard;
  readonly unwrap: Unwrap;
  /** Takes a connection over for good. */
  readonly serve: (socket: Socket) => void;
}

/** Client preface and an empty SETTINGS frame (RFC 9113, 3.4): the least that a client sends. */
const handshakeBytes = 24 + 9;

/** Accepts connections, as many as there may be, and closes those that come to nothing. */
export class Listener {
  readonly #parts: ListenerParts;
  readonly #server: Server;
  readonly #unwrap: (raw: Socket) => void;
  readonly #sockets = new Set<Socket>();
  readonly #shares: Shares;
  /** By the peer's address and port, which no two connections of a listener share. */
  readonly #callers = new Map<string, Caller>();

  constructor(parts: ListenerParts) {
    const { limits } = parts;
    this.#parts = parts;
    this.#shares = new Shares({
      get overall() {
        return limits.connections.perListener;
      },
      get each() {
        return limits.connections.perAddress;
      },
    });
    this.#unwrap = parts.unwrap((accepted) => this.#serve(accepted));
    this.#server = createServer({ noDelay: true }, (socket) => this.#admit(socket));
  }

  /** @throws if it cannot listen there */
  async listen(where: ListenOptions): Promise<void> {
    this.#server.listen(where);
    await once(this.#server, 'listening');
    // From now on it is accept() that fails, which others' connections survive.
    this.#server.on('error', (error) =>
      this.#parts.log.error({ listener: this.#parts.name, err: error }, 'accept failed'),
    );
  }

  get address(): AddressInfo {
    return this.#server.address() as AddressInfo;
  }

  callerOf(peer: Peer): Caller {
    return this.#callers.get(keyOf(peer)) ?? { name: 'a closed connection', role: null };
  }

  /** Accepts no more. */
  close(): void {
    this.#server.close();
  }

  /** Ends all connections, whatever they are at. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #admit(socket: Socket): void {
    // What fails closes, too; that is enough to know.
    socket.on('error', () => undefined);
    const { name, refusals } = this.#parts;
    // The unix socket has no addresses: there each connection counts for itself.
    const address = socket.remoteAddress ?? Symbol(name);
    const exceeded = this.#shares.take(address);
    if (exceeded !== null) {
      const refusal = exceeded === 'each' ? 'connections-per-address' : 'connections';
      refusals.refuse(refusal, { client: `${name} ${socket.remoteAddress ?? ''}`.trimEnd() });
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#shares.giveBack(address);
    });
    this.#unwrap(socket);
  }

  #serve({ socket, caller }: Accepted): void {
    const { limits, refusals, streams, serve } = this.#parts;
    const key = keyOf(socket);
    this.#callers.set(key, caller);
    const timer = setTimeout(() => {
      if (socket.bytesRead >= handshakeBytes) return;
      refusals.refuse('handshake-timeout', { client: caller.name });
      socket.destroy();
    }, limits.handshakeTimeoutSeconds * 1000);
    socket.once('close', () => {
      clearTimeout(timer);
      if (this.#callers.get(key) === caller) this.#callers.delete(key);
    });
    streams.watch(socket, caller);
    serve(socket);
  }
}

function keyOf({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress ?? ''} ${remotePort ?? ''}`;
}
