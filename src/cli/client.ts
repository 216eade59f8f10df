// SPDX-License-Identifier: Apache-2.0
import {
  status,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type ServiceError,
} from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { once } from 'node:events';
import type {
  DistributorServiceClient,
  DistributorServiceDefinition as Definition,
  DistributorServiceHandlers as Handlers,
} from '../../build/proto/distributor/v1/DistributorService.ts';
import { readErrorInfo } from '../api/error-details.ts';
import { api } from '../api/proto.ts';
import { unixEndpoint, type Endpoint } from './endpoint.ts';
import { isAborted } from './interrupt.ts';

/** How gRPC reports that nobody answers; what it says of it is about its inside. */
const unanswered: ReadonlySet<status> = new Set([status.UNAVAILABLE, status.CANCELLED]);
/** And how it may report a connection that broke. */
const lostConnection: ReadonlySet<status> = new Set([
  ...unanswered,
  status.INTERNAL,
  status.UNKNOWN,
]);

/** Whom a call went to, and how long it had. */
interface Place {
  readonly endpoint: Endpoint;
  readonly timeoutMs: number;
}

/** A call that the daemon refused, or that did not reach it. */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** A gRPC status by name. */
  readonly code: string;
  /** The daemon's stable reason; null if the call did not reach it. */
  readonly reason: string | null;
  readonly field: string | null;
  readonly value: string | null;
  readonly action: string | null;
  /** Whether it was the connection that failed: the same call may succeed on a new one. */
  readonly connectionLost: boolean;

  constructor(error: ServiceError, place: Place) {
    const info = readErrorInfo(error.metadata);
    super(info === null ? withoutAnswer(error, place) : error.details);
    this.code = status[error.code];
    this.reason = info?.reason ?? null;
    this.field = info?.metadata['field'] ?? null;
    this.value = info?.metadata['value'] ?? null;
    this.action = info?.metadata['action'] ?? null;
    this.connectionLost = info === null && lostConnection.has(error.code);
  }
}

/** Of a call that the daemon's own code did not answer. */
function withoutAnswer({ code, details }: ServiceError, place: Place): string {
  const { endpoint, timeoutMs } = place;
  const { name, hint } = endpoint;
  const daemon = `distributord at ${name}`;
  if (code === status.DEADLINE_EXCEEDED)
    return `${daemon} did not answer in time (--timeout ${timeoutMs / 1000}): a change may be made all the same`;
  if (!unanswered.has(code)) return details;
  const cause = causeIn(details);
  return `no answer from ${daemon}: ${cause === null ? '' : `${cause}; `}${hint}`;
}

/** What of gRPC's details is about the connection and not about gRPC; null if nothing is. */
function causeIn(details: string): string | null {
  const told = /Last error: Error(?: \[\w+\])?: (.+?)\.?\s*Resolution note/s.exec(details)?.[1];
  if (told !== undefined) return told.trim();
  return details.startsWith('Name resolution failed') ? 'its name is not known' : null;
}

// The generated interfaces have an index signature, which would let any name pass.
type Named<T> = keyof { [Key in keyof T as string extends Key ? never : Key]: unknown };
type Method = Extract<Named<Definition>, string>;
type StreamMethod = {
  [M in Method]: Handlers[M] extends handleServerStreamingCall<infer _0, infer _1> ? M : never;
}[Method];
type UploadMethod = {
  [M in Method]: Handlers[M] extends handleClientStreamingCall<infer _0, infer _1> ? M : never;
}[Method];
type UnaryMethod = Exclude<Method, StreamMethod | UploadMethod>;
type RequestOf<M extends Method> =
  Definition[M] extends MethodDefinition<infer Request, infer _0, infer _1, infer _2>
    ? Request
    : never;
type ResponseOf<M extends Method> =
  Definition[M] extends MethodDefinition<infer _0, infer _1, infer _2, infer Response>
    ? Response
    : never;

function definitionOf<M extends Method>(name: M) {
  return api.DistributorService.service[name] as unknown as MethodDefinition<
    RequestOf<M>,
    ResponseOf<M>
  >;
}

/** A daemon that comes back is found within a second. */
const channelOptions = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // A daemon that hangs, or its host, shows within half a minute, also on a quiet stream.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // The daemon is reached directly, whatever the environment says of the web.
  'grpc.enable_http_proxy': 0,
};

export interface ClientOptions {
  /** For a call's answer, or a stream's first response. */
  readonly timeoutMs?: number;
}

/** The daemon's API; each call is a promise, or a stream of responses. */
export class Client {
  readonly #stub: DistributorServiceClient;
  readonly #place: Place;

  /** A string is the path of the daemon's unix socket. */
  constructor(endpoint: Endpoint | string, { timeoutMs = 30_000 }: ClientOptions = {}) {
    const reached = typeof endpoint === 'string' ? unixEndpoint(endpoint) : endpoint;
    this.#place = { endpoint: reached, timeoutMs };
    const { target, credentials, options } = reached;
    this.#stub = new api.DistributorService(target, credentials, { ...channelOptions, ...options });
  }

  /** @throws CallError */
  call<M extends UnaryMethod>(name: M, request: RequestOf<M>): Promise<ResponseOf<M>> {
    const method = definitionOf(name);
    return new Promise((resolve, reject) => {
      this.#stub.makeUnaryRequest<RequestOf<M>, ResponseOf<M>>(
        method.path,
        (value) => method.requestSerialize(value),
        (bytes) => method.responseDeserialize(bytes),
        request,
        { deadline: Date.now() + this.#place.timeoutMs },
        (error, response) => {
          if (error !== null) reject(new CallError(error, this.#place));
          else resolve(response as ResponseOf<M>);
        },
      );
    });
  }

  /**
   * The call begins with the iteration, has no deadline once it has begun to answer, and is
   * cancelled when the iteration stops; when `signal` aborts, the iteration ends.
   * @throws CallError
   */
  async *stream<M extends StreamMethod>(
    name: M,
    request: RequestOf<M>,
    signal: AbortSignal | null = null,
  ): AsyncGenerator<ResponseOf<M>, void> {
    if (isAborted(signal)) return;
    const method = definitionOf(name);
    const call = this.#stub.makeServerStreamRequest<RequestOf<M>, ResponseOf<M>>(
      method.path,
      (value) => method.requestSerialize(value),
      (bytes) => method.responseDeserialize(bytes),
      request,
    );
    // A call that is cancelled reports that when nobody iterates any more.
    call.on('error', () => undefined);
    const cancel = () => call.cancel();
    signal?.addEventListener('abort', cancel);
    const silence = setTimeout(cancel, this.#place.timeoutMs);
    try {
      for await (const response of call) {
        clearTimeout(silence);
        yield response as ResponseOf<M>;
      }
    } catch (error) {
      if (!isAborted(signal)) throw new CallError(error as ServiceError, this.#place);
    } finally {
      clearTimeout(silence);
      signal?.removeEventListener('abort', cancel);
      cancel();
    }
  }

  /** Sends all of the requests, and waits for the one answer. @throws CallError */
  async upload<M extends UploadMethod>(
    name: M,
    requests: Iterable<RequestOf<M>>,
  ): Promise<ResponseOf<M>> {
    const method = definitionOf(name);
    const answer = Promise.withResolvers<ResponseOf<M>>();
    // Heard of at the end, where it may come before that.
    answer.promise.catch(() => undefined);
    const call = this.#stub.makeClientStreamRequest<RequestOf<M>, ResponseOf<M>>(
      method.path,
      (value) => method.requestSerialize(value),
      (bytes) => method.responseDeserialize(bytes),
      { deadline: Date.now() + this.#place.timeoutMs },
      (error, response) => {
        if (error !== null) answer.reject(new CallError(error, this.#place));
        else answer.resolve(response as ResponseOf<M>);
      },
    );
    // The callback is told.
    call.on('error', () => undefined);
    try {
      for (const request of requests)
        if (!call.write(request)) await Promise.race([once(call, 'drain'), answer.promise]);
    } catch (error) {
      call.cancel();
      throw error;
    }
    call.end();
    return answer.promise;
  }

  close(): void {
    this.#stub.close();
  }
}
