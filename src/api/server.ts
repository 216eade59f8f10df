// SPDX-License-Identifier: Apache-2.0
import { experimental, Server, ServerCredentials } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { DistributorServiceHandlers } from '../../build/proto/distributor/v1/DistributorService.ts';
import { ConfigError } from '../config.ts';
import type { Limits } from '../config/limits.ts';
import type { ListenConfig, TlsConfig } from '../config/listen.ts';
import type { Log } from '../log.ts';
import { CallGate, type Peer } from './call-gate.ts';
import type { CallObserver } from './call-observer.ts';
import { insecureCaller, unixCaller, type Caller } from './caller.ts';
import { Listener, type Unwrap } from './listener.ts';
import { api, packageDefinition, serviceName } from './proto.ts';
import { RefusalLog } from './refusal-log.ts';
import { StreamGuard } from './stream-guard.ts';
import { checkTlsFiles, TlsMaterialError } from './tls-material.ts';
import type { TlsMaterialWatch, TlsState } from './tls-material-watch.ts';
import { tlsTermination, type TlsParts } from './tls-termination.ts';
import { admitGroup, prepareSocket } from './unix-socket.ts';

export interface ServerParts {
  readonly service: DistributorServiceHandlers;
  readonly log: Log;
  /** At the start; see follow(). */
  readonly limits: Limits;
  readonly observer: CallObserver;
  /** Aborted when the server closes. */
  readonly stopping: AbortController;
  readonly tlsWatching?: TlsParts['watching'];
}

/** What of the configuration is the server's. */
export interface ServerConfig {
  readonly limits: Limits;
  readonly listen: ListenConfig;
}

/** Where the server listens; with the ports that were chosen for it. */
export interface Listening {
  readonly socket: string;
  readonly tls?: AddressInfo;
  readonly insecure?: AddressInfo;
}

/** The gRPC server, with standard health and reflection, behind one gate for all listeners. */
export class ApiServer {
  readonly #parts: ServerParts;
  readonly #server: Server;
  readonly #health = new HealthImplementation({ '': 'NOT_SERVING', [serviceName]: 'NOT_SERVING' });
  readonly #gate: CallGate;
  readonly #refusals: RefusalLog;
  readonly #streams: StreamGuard;
  readonly #listeners: Listener[] = [];
  /** Read with each call and connection. */
  readonly #limits: { -readonly [Key in keyof Limits]: Limits[Key] };
  #tls: { -readonly [Key in keyof TlsConfig]: TlsConfig[Key] } | null = null;
  #tlsFiles: TlsMaterialWatch | null = null;

  constructor(parts: ServerParts) {
    const { log, observer } = parts;
    const limits = { ...parts.limits };
    this.#limits = limits;
    this.#parts = parts;
    this.#refusals = new RefusalLog(log, observer);
    this.#streams = new StreamGuard({ limits, refusals: this.#refusals });
    this.#gate = new CallGate({ limits, log, observer, refusals: this.#refusals });
    this.#server = new Server({
      'grpc.max_receive_message_length': limits.maxMessageBytes,
      'grpc.max_concurrent_streams': limits.maxConcurrentCalls.perConnection,
      'grpc.keepalive_time_ms': limits.keepaliveSeconds * 1000,
      'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutSeconds * 1000,
    });
    this.#server.addService(api.DistributorService.service, parts.service);
    this.#health.addToServer(this.#server);
    new ReflectionService(packageDefinition).addToServer(this.#server);
  }

  /** Whether it could listen with these files. @throws ConfigError */
  static async check({ tls }: ListenConfig): Promise<void> {
    if (tls !== undefined) await checkTlsFiles(tls).catch(refuseConfig);
  }

  /**
   * Answers calls when this resolves; if it rejects, it listens nowhere.
   * @throws ConfigError; Error if another process listens there
   */
  async listen(where: ListenConfig): Promise<Listening> {
    try {
      const socket = await this.#listenOnSocket(where);
      const tls = where.tls && (await this.#listenWithTls(where.tls));
      const insecure = where.insecure && (await this.#listenInsecurely(where.insecure));
      this.#setServing('SERVING');
      return { socket, ...(tls && { tls }), ...(insecure && { insecure }) };
    } catch (error) {
      this.#stopListening();
      throw error;
    }
  }

  /** null without listen.tls. */
  tlsState(): TlsState | null {
    return this.#tlsFiles?.state ?? null;
  }

  /**
   * Takes up what can change while it listens: limits, for the next calls and connections, and
   * the identities of TLS, for new connections. Certificates are read again at once; tlsState()
   * says whether they are in use.
   */
  async follow({ limits, listen }: ServerConfig): Promise<void> {
    Object.assign(this.#limits, limits);
    if (this.#tls !== null && listen.tls !== undefined)
      this.#tls.identities = listen.tls.identities;
    await this.#tlsFiles?.reload();
  }

  /** Takes no new calls; resolves when those in flight are answered, or cut off at the deadline. */
  async close(deadlineMs: number): Promise<void> {
    this.#setServing('NOT_SERVING');
    this.#stopListening();
    this.#parts.stopping.abort();
    const ended = new AbortController();
    const answered = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    const deadline = delay(deadlineMs, undefined, { signal: ended.signal }).then(
      () => this.#server.forceShutdown(),
      () => undefined,
    );
    await Promise.race([answered, deadline]);
    ended.abort();
    // A client that never speaks holds its connection open even against forceShutdown().
    for (const listener of this.#listeners) listener.destroy();
  }

  #stopListening(): void {
    for (const listener of this.#listeners) listener.close();
    this.#tlsFiles?.close();
  }

  async #listenOnSocket({ socket, group }: ListenConfig): Promise<string> {
    await prepareSocket(socket);
    const unwrap: Unwrap = (accept) => (raw) => accept({ socket: raw, caller: unixCaller });
    const listener = this.#listener('unix', unwrap, () => unixCaller);
    await listener.listen({ path: socket });
    await admitGroup(socket, group);
    return socket;
  }

  async #listenWithTls(config: TlsConfig): Promise<AddressInfo> {
    this.#tls = { ...config };
    const { log, tlsWatching } = this.#parts;
    const parts = {
      limits: this.#limits,
      log,
      refusals: this.#refusals,
      watching: tlsWatching ?? {},
    };
    const { unwrap, files } = await tlsTermination(this.#tls, parts).catch(refuseConfig);
    this.#tlsFiles = files;
    const listener = this.#listener('tls', unwrap);
    await listener.listen({ host: config.address, port: config.port });
    return listener.address;
  }

  async #listenInsecurely({ address, port }: Insecure): Promise<AddressInfo> {
    const unwrap: Unwrap = (accept) => (raw) =>
      accept({ socket: raw, caller: insecureCaller(raw.remoteAddress ?? '') });
    const listener = this.#listener('insecure', unwrap);
    await listener.listen({ host: address, port });
    this.#parts.log.warn(
      { address, port: listener.address.port },
      'listen.insecure: every process of this host may change the data path',
    );
    return listener.address;
  }

  #listener(name: string, unwrap: Unwrap, callerOf?: (peer: Peer) => Caller): Listener {
    const { log } = this.#parts;
    const limits = this.#limits;
    const listener: Listener = new Listener({
      ...{ name, limits, log, unwrap },
      ...{ refusals: this.#refusals, streams: this.#streams },
      serve: (socket) => connections.injectConnection(socket),
    });
    const interceptor = this.#gate.interceptor(callerOf ?? ((peer) => listener.callerOf(peer)));
    const connections = this.#server.createConnectionInjector(
      experimental.createServerCredentialsWithInterceptors(ServerCredentials.createInsecure(), [
        interceptor,
      ]),
    );
    this.#listeners.push(listener);
    return listener;
  }

  #setServing(status: 'SERVING' | 'NOT_SERVING'): void {
    this.#health.setStatus('', status);
    this.#health.setStatus(serviceName, status);
  }
}

type Insecure = NonNullable<ListenConfig['insecure']>;

/** Files that do not fit are a fault of the configuration. */
function refuseConfig(error: unknown): never {
  throw error instanceof TlsMaterialError ? new ConfigError(error.message) : error;
}
