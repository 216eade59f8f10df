// SPDX-License-Identifier: Apache-2.0
import type {
  ConnectionFilter,
  ConnectionReport,
  ExchangeOptions,
  OpenOptions,
  TransferOptions,
} from './client-protocol.ts';
import { mapConcurrently } from './concurrently.ts';
import { EchoConnection } from './echo-connection.ts';
import { RunningClock } from './running-clock.ts';
import { addressOf, clientAddress, ECHO_PORT, VIP } from './topology.ts';

const TICK_MS = 10;

const DEFAULTS = {
  firstClient: 0,
  concurrency: 200,
  intervalMs: 300,
  keepAliveMs: null,
  stallMs: 5000,
  connectTimeoutMs: 10_000,
  seed: 1,
} as const satisfies Partial<OpenOptions>;

interface Waiter {
  /** How many echoes each connection must have had; those that have are taken out. */
  readonly goals: Map<EchoConnection, number>;
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The long-lived connections of all clients, one of each family to a client, and their clock. */
export class EchoPool {
  readonly #connections = new Map<string, EchoConnection>();
  readonly #clock = new RunningClock();
  readonly #waiters = new Set<Waiter>();

  constructor() {
    setInterval(() => {
      this.#tick();
    }, TICK_MS);
  }

  /** Opens connections; those that cannot be are among the reports, broken. */
  async open(options: OpenOptions): Promise<ConnectionReport[]> {
    const { family, count } = options;
    const { firstClient, concurrency, seed, ...timing } = { ...DEFAULTS, ...options };
    const connections = Array.from({ length: count }, (_, index) => {
      const client = firstClient + index;
      return new EchoConnection({
        ...timing,
        family,
        client,
        localAddress: clientAddress(family, client),
        host: addressOf(family, VIP),
        port: ECHO_PORT,
        seed: seed * 0x20000 + client * 2 + (family === 6 ? 1 : 0),
        phase: index / count,
      });
    });
    for (const connection of connections) this.#add(connection);
    await mapConcurrently(connections, concurrency, (connection) =>
      connection.open(this.#clock.now),
    );
    return connections.map((connection) => connection.report());
  }

  report(filter: ConnectionFilter): ConnectionReport[] {
    return this.#select(filter).map((connection) => connection.report());
  }

  /**
   * Resolves when every connection chosen has had back a message sent after the call, or is not alive
   * any more, with the reports of all chosen: those broken before the call are not to be overlooked.
   */
  async exchange({ deadlineMs, ...filter }: ExchangeOptions): Promise<ConnectionReport[]> {
    await this.#nextEcho(this.#alive(filter), deadlineMs);
    return this.report(filter);
  }

  /** The same with a message of `bytes` bytes, for the connections chosen. */
  async transfer({ bytes, deadlineMs, ...filter }: TransferOptions): Promise<ConnectionReport[]> {
    const connections = this.#alive(filter);
    for (const connection of connections) connection.sendNext(bytes);
    await this.#nextEcho(connections, deadlineMs);
    return this.report(filter);
  }

  async close(filter: ConnectionFilter): Promise<ConnectionReport[]> {
    const connections = this.#alive(filter);
    await Promise.all(connections.map((connection) => connection.close(this.#clock.now)));
    return connections.map((connection) => connection.report());
  }

  abort(filter: ConnectionFilter): ConnectionReport[] {
    const connections = this.#select(filter).filter((connection) => !connection.ended);
    for (const connection of connections) connection.abort();
    return connections.map((connection) => connection.report());
  }

  /** Drops connections from the reports, aborting them where they have not ended. */
  forget(filter: ConnectionFilter): ConnectionReport[] {
    const connections = this.#select(filter);
    for (const connection of connections) {
      connection.abort();
      this.#connections.delete(keyOf(connection));
    }
    return connections.map((connection) => connection.report());
  }

  /** In the place of the client's last connection of the family, which must have ended. */
  #add(connection: EchoConnection): void {
    const key = keyOf(connection);
    if (this.#connections.get(key)?.ended === false) {
      throw new Error(`client ${key} has an open connection already`);
    }
    // Deleted first, so that reports are in the order of opening.
    this.#connections.delete(key);
    this.#connections.set(key, connection);
  }

  #select(filter: ConnectionFilter): EchoConnection[] {
    const clients = filter.clients === undefined ? null : new Set(filter.clients);
    return [...this.#connections.values()].filter(
      (connection) =>
        (filter.family === undefined || connection.family === filter.family) &&
        (filter.amphora === undefined || connection.amphora === filter.amphora) &&
        (filter.intervalMs === undefined || connection.intervalMs === filter.intervalMs) &&
        (clients === null || clients.has(connection.client)),
    );
  }

  #alive(filter: ConnectionFilter): EchoConnection[] {
    return this.#select(filter).filter((connection) => connection.alive);
  }

  /** Of the message after the one that is under way, if any: it has not been made yet. */
  #nextEcho(connections: readonly EchoConnection[], deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({
        goals: new Map(connections.map((connection) => [connection, connection.messagesSent + 1])),
        deadline: this.#clock.now + deadlineMs,
        resolve,
        reject,
      });
    });
  }

  #tick(): void {
    const now = this.#clock.advance();
    for (const connection of this.#connections.values()) connection.tick(now);
    for (const waiter of this.#waiters) {
      for (const [connection, goal] of waiter.goals) {
        if (!connection.alive || connection.messagesEchoed >= goal) waiter.goals.delete(connection);
      }
      if (waiter.goals.size === 0) waiter.resolve();
      else if (now > waiter.deadline) waiter.reject(late(waiter.goals.keys()));
      else continue;
      this.#waiters.delete(waiter);
    }
  }
}

function keyOf(connection: EchoConnection): string {
  return `${connection.client.toString()}/IPv${connection.family.toString()}`;
}

function late(connections: Iterable<EchoConnection>): Error {
  const keys = Array.from(connections, keyOf);
  const some = keys.slice(0, 10).join(', ');
  return new Error(`${keys.length.toString()} connections had no echo by the deadline: ${some}`);
}
