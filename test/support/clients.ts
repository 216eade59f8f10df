// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type {
  ClientAnswer,
  ClientCall,
  ClientCalls,
  ClientRequest,
  ConnectionFilter,
  ConnectionReport,
  DatagramOptions,
  DatagramReport,
  ExchangeOptions,
  OpenOptions,
  ProbeOptions,
  ProbeResult,
  TransferOptions,
} from './client-protocol.ts';
import { Service } from './service.ts';

const CLIENT_PROCESS = join(import.meta.dirname, 'client-process.ts');

/** Above the time an echo may take by default, so that a stalled connection shows as such. */
const DEFAULT_EXCHANGE: ExchangeOptions = { deadlineMs: 10_000 };

const DEFAULT_TRANSFER: ExchangeOptions = { deadlineMs: 30_000 };

interface Pending {
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
}

/** The clients of the test bed, as the test sees them: they are in another process, in their namespace. */
export class Clients {
  readonly #service: Service;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  private constructor(service: Service) {
    this.#service = service;
    service.child.on('message', (message) => {
      this.#settle(message as ClientAnswer);
    });
    void service.ended.then(() => {
      for (const { reject } of this.#pending.values()) reject(new Error(service.outcome));
      this.#pending.clear();
    });
  }

  static async start(namespace: string): Promise<Clients> {
    const argv = [process.execPath, CLIENT_PROCESS];
    const service = new Service({ name: 'the clients', namespace, argv, ipc: true });
    await service.ready();
    return new Clients(service);
  }

  /**
   * Opens long-lived connections to the echo port, which exchange messages from then on. Resolves when
   * each has its greeting or is broken; a broken one does not make it reject.
   */
  openConnections(options: OpenOptions): Promise<ConnectionReport[]> {
    return this.#call('open', options);
  }

  /** How the connections are, in the order of opening; closed and broken ones stay until forgotten. */
  report(filter: ConnectionFilter = {}): Promise<ConnectionReport[]> {
    return this.#call('report', filter);
  }

  /**
   * Resolves when every connection chosen that is alive has had back a message sent after the call, or
   * has broken, with the reports of all chosen. Rejects when one has done neither by the deadline.
   */
  waitForExchange(options: Partial<ExchangeOptions> = {}): Promise<ConnectionReport[]> {
    return this.#call('exchange', { ...DEFAULT_EXCHANGE, ...options });
  }

  /**
   * Resolves when every connection chosen has had back a message of that many bytes, or has broken,
   * with their reports. Rejects when one has done neither by the deadline.
   */
  transfer(
    options: Omit<TransferOptions, 'deadlineMs'> & Partial<ExchangeOptions>,
  ): Promise<ConnectionReport[]> {
    return this.#call('transfer', { ...DEFAULT_TRANSFER, ...options });
  }

  /** Closes in order (FIN, after the last echo) and resolves, with those chosen, when all have ended. */
  close(filter: ConnectionFilter): Promise<ConnectionReport[]> {
    return this.#call('close', filter);
  }

  /** Ends connections with RST. */
  abort(filter: ConnectionFilter): Promise<ConnectionReport[]> {
    return this.#call('abort', filter);
  }

  /** Aborts connections and leaves them out of later reports: a clean start for the next test. */
  forget(filter: ConnectionFilter): Promise<ConnectionReport[]> {
    return this.#call('forget', filter);
  }

  /** One HTTP request from each client, on a new connection. Results are in the order of `clients`. */
  probe(options: ProbeOptions): Promise<ProbeResult[]> {
    return this.#call('probe', options);
  }

  /** One datagram from each client; a lost one is an error, never sent again. */
  udpProbe(options: ProbeOptions): Promise<ProbeResult[]> {
    return this.#call('udpProbe', options);
  }

  /**
   * Opens flows of datagrams, which exchange one after the other from then on. Resolves when each has
   * had an answer to its first or has lost that.
   */
  openDatagrams(options: DatagramOptions): Promise<DatagramReport[]> {
    return this.#call('openDatagrams', options);
  }

  /** How the flows are, in the order of opening. */
  reportDatagrams(): Promise<DatagramReport[]> {
    return this.#call('reportDatagrams', null);
  }

  /** Ends all flows after the datagrams under way, and leaves them out of later reports. */
  closeDatagrams(): Promise<DatagramReport[]> {
    return this.#call('closeDatagrams', null);
  }

  /** Ends the process, and with it every connection. */
  async end(): Promise<void> {
    await this.#service.end();
  }

  #call<Call extends ClientCall>(
    call: Call,
    argument: ClientCalls[Call]['argument'],
  ): Promise<ClientCalls[Call]['reply']> {
    return new Promise<ClientCalls[Call]['reply']>((resolve, reject) => {
      this.#service.assertRunning();
      const request: ClientRequest<Call> = { id: ++this.#lastId, call, argument };
      this.#pending.set(request.id, { resolve, reject });
      // Fails only when the process has ended, which rejects all that is pending.
      this.#service.child.send(request, () => undefined);
    });
  }

  #settle(answer: ClientAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('error' in answer) pending?.reject(new Error(answer.error));
    else pending?.resolve(answer.reply as never);
  }
}
