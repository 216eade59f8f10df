// SPDX-License-Identifier: Apache-2.0
import { Server, ServerCredentials, status, type ServerWritableStream } from '@grpc/grpc-js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DistributorServiceHandlers } from '../../../build/proto/distributor/v1/DistributorService.ts';
import type { WatchDistributorsRequest__Output as WatchDistributorsRequest } from '../../../build/proto/distributor/v1/WatchDistributorsRequest.ts';
import type { WatchDistributorsResponse } from '../../../build/proto/distributor/v1/WatchDistributorsResponse.ts';
import type { WatchDrainRequest__Output as WatchDrainRequest } from '../../../build/proto/distributor/v1/WatchDrainRequest.ts';
import type { WatchDrainResponse } from '../../../build/proto/distributor/v1/WatchDrainResponse.ts';
import { toStatus } from '../../../src/api/error-details.ts';
import { api } from '../../../src/api/proto.ts';
import type { DistributordError } from '../../../src/errors.ts';

/** What a streaming call brings, and how it goes on; another string is a reason to refuse. */
export interface Scene<Response> {
  readonly responses?: readonly Response[];
  readonly then: 'end' | 'hold' | 'lost' | (string & {});
}

export type Calls = Partial<DistributorServiceHandlers>;

export interface Script {
  readonly calls?: Calls;
  /** One for each call; the last one for all that follow. */
  readonly drains?: readonly Scene<WatchDrainResponse>[];
  readonly distributors?: readonly Scene<WatchDistributorsResponse>[];
}

/** Answers on a unix socket as it is told to. */
export class ScriptedDaemon {
  readonly socket: string;
  readonly drainRequests: WatchDrainRequest[] = [];
  readonly distributorsRequests: WatchDistributorsRequest[] = [];
  /** Streaming calls that ended because the client did not want more. */
  cancelled = 0;
  readonly #directory: string;
  readonly #script: Script;
  #server = new Server();

  private constructor(directory: string, script: Script) {
    this.#directory = directory;
    this.#script = script;
    this.socket = join(directory, 'api.sock');
  }

  static async start(script: Script = {}): Promise<ScriptedDaemon> {
    const daemon = new ScriptedDaemon(await mkdtemp(join(tmpdir(), 'distributorctl-')), script);
    await daemon.listen();
    return daemon;
  }

  /** Serves, again after `vanish`. */
  async listen(): Promise<void> {
    const { calls, drains = [], distributors = [] } = this.#script;
    this.#server = new Server();
    this.#server.addService(api.DistributorService.service, {
      ...calls,
      WatchDrain: (call: ServerWritableStream<WatchDrainRequest, WatchDrainResponse>) => {
        this.#play(call, sceneOf(drains, this.drainRequests.push(call.request)));
      },
      WatchDistributors: (
        call: ServerWritableStream<WatchDistributorsRequest, WatchDistributorsResponse>,
      ) => {
        this.#play(call, sceneOf(distributors, this.distributorsRequests.push(call.request)));
      },
    });
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`unix:${this.socket}`, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  /** As when the process is killed: connections break, nothing listens. */
  vanish(): void {
    this.#server.forceShutdown();
  }

  async stop(): Promise<void> {
    this.vanish();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #play<Request, Response>(
    call: ServerWritableStream<Request, Response>,
    { responses = [], then }: Scene<Response>,
  ): void {
    call.once('cancelled', () => this.cancelled++);
    for (const response of responses) call.write(response);
    if (then === 'end') call.end();
    else if (then === 'lost') call.emit('error', { code: status.UNAVAILABLE, details: 'stopping' });
    else if (then !== 'hold') call.emit('error', refusal(then));
  }
}

function sceneOf<Response>(scenes: readonly Scene<Response>[], call: number): Scene<Response> {
  const scene = scenes[call - 1] ?? scenes.at(-1);
  if (scene === undefined) throw new Error('the script has no such call');
  return scene;
}

/** An error with a reason, as the daemon refuses calls. */
export function refusal(reason: string) {
  const kind = { status: 'FAILED_PRECONDITION', retryable: false, action: 'Do something else.' };
  const error = { reason, kind, message: `refused: ${reason}`, field: null, value: null };
  return toStatus(error as unknown as DistributordError);
}
