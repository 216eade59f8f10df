// SPDX-License-Identifier: Apache-2.0
import { credentials, status, type ServiceError } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import type {
  DistributorServiceClient,
  DistributorServiceDefinition as Definition,
} from '../../build/proto/distributor/v1/DistributorService.ts';
import { readErrorInfo } from '../api/error-details.ts';
import { api } from '../api/proto.ts';

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

  constructor(error: ServiceError, socket: string) {
    // What gRPC says of a connection that failed is about its inside.
    const unreachable = `no answer from distributord at ${socket}: is it running?`;
    super(error.code === status.UNAVAILABLE ? unreachable : error.details);
    const info = readErrorInfo(error.metadata);
    this.code = status[error.code];
    this.reason = info?.reason ?? null;
    this.field = info?.metadata['field'] ?? null;
    this.value = info?.metadata['value'] ?? null;
    this.action = info?.metadata['action'] ?? null;
  }
}

type Method = keyof Definition;
type RequestOf<M extends Method> =
  Definition[M] extends MethodDefinition<infer Request, infer _0, infer _1, infer _2>
    ? Request
    : never;
type ResponseOf<M extends Method> =
  Definition[M] extends MethodDefinition<infer _0, infer _1, infer _2, infer Response>
    ? Response
    : never;

/** The daemon's API over its unix socket; each call is a promise. */
export class Client {
  readonly #stub: DistributorServiceClient;
  readonly #socket: string;
  readonly #timeoutMs: number;

  constructor(socket: string, timeoutMs = 30_000) {
    this.#socket = socket;
    this.#stub = new api.DistributorService(`unix:${socket}`, credentials.createInsecure());
    this.#timeoutMs = timeoutMs;
  }

  /** @throws CallError */
  call<M extends Method>(name: M, request: RequestOf<M>): Promise<ResponseOf<M>> {
    const method = api.DistributorService.service[name] as unknown as MethodDefinition<
      RequestOf<M>,
      ResponseOf<M>
    >;
    return new Promise((resolve, reject) => {
      this.#stub.makeUnaryRequest<RequestOf<M>, ResponseOf<M>>(
        method.path,
        (value) => method.requestSerialize(value),
        (bytes) => method.responseDeserialize(bytes),
        request,
        { deadline: Date.now() + this.#timeoutMs },
        (error, response) => {
          if (error !== null) reject(new CallError(error, this.#socket));
          else resolve(response as ResponseOf<M>);
        },
      );
    });
  }

  close(): void {
    this.#stub.close();
  }
}
