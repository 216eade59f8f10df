// SPDX-License-Identifier: Apache-2.0
// Calls whose messages are bytes of any kind.
import { Client, credentials, Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { readErrorInfo, readRetryDelay } from '../../../src/api/error-details.ts';
import { serviceName } from '../../../src/api/proto.ts';

export interface RawAnswer {
  /** A gRPC status by name. */
  readonly code: string;
  readonly reason: string | null;
  readonly retryDelayMs: number | null;
  /** Trailing metadata. */
  readonly metadata: Metadata;
}

export interface RawCall {
  readonly method: string;
  readonly bytes?: Uint8Array;
  readonly metadata?: Record<string, string>;
  readonly deadlineMs?: number;
}

const asIs = (bytes: Uint8Array) => Buffer.from(bytes);

export class RawClient {
  readonly #client: Client;

  /** `target`: as gRPC has it, `unix:PATH` or `127.0.0.1:PORT`. */
  constructor(target: string) {
    this.#client = new Client(target, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** `method`: of the service, or a whole path. */
  call({
    method,
    bytes = Buffer.alloc(0),
    metadata = {},
    deadlineMs,
  }: RawCall): Promise<RawAnswer> {
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    const path = method.startsWith('/') ? method : `/${serviceName}/${method}`;
    const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
    return new Promise((resolve) => {
      const call = this.#client.makeUnaryRequest(
        ...([path, asIs, asIs, bytes] as const),
        ...([sent, options] as const),
        () => undefined,
      );
      call.on('status', (ended: StatusObject) => resolve(answerOf(ended)));
    });
  }

  /** Of a method that streams: the first response, or how the call ended without any. */
  first({ method, bytes = Buffer.alloc(0) }: RawCall): Promise<RawAnswer> {
    return new Promise((resolve) => {
      const path = `/${serviceName}/${method}`;
      const call = this.#client.makeServerStreamRequest(path, asIs, asIs, bytes);
      call.on('error', () => undefined);
      call.on('status', (ended) => resolve(answerOf(ended)));
      call.on('data', () => {
        resolve(answerOf({ code: status.OK, details: '', metadata: new Metadata() }));
        call.cancel();
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}

function answerOf({ code, metadata }: StatusObject): RawAnswer {
  return {
    code: status[code],
    reason: readErrorInfo(metadata)?.reason ?? null,
    retryDelayMs: readRetryDelay(metadata),
    metadata,
  };
}
