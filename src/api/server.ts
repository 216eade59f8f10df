// SPDX-License-Identifier: Apache-2.0
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { once } from 'node:events';
import { chmod, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DistributorServiceHandlers } from '../../build/proto/distributor/v1/DistributorService.ts';
import { api, packageDefinition, serviceName } from './proto.ts';

/** Read and write for the owner and the group: who may control the data path. */
const socketMode = 0o660;

/** The gRPC server on a unix socket, with standard health and reflection. */
export class ApiServer {
  readonly #server = new Server();
  readonly #health = new HealthImplementation({ '': 'NOT_SERVING', [serviceName]: 'NOT_SERVING' });

  readonly #stopping: AbortController;

  /** `stopping` is aborted when the server closes. */
  constructor(service: DistributorServiceHandlers, stopping = new AbortController()) {
    this.#stopping = stopping;
    this.#server.addService(api.DistributorService.service, service);
    this.#health.addToServer(this.#server);
    new ReflectionService(packageDefinition).addToServer(this.#server);
  }

  /** @throws if another process listens on the socket, or it cannot be made */
  async listen(socket: string): Promise<void> {
    await mkdir(dirname(socket), { recursive: true });
    await removeStale(socket);
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    await chmod(socket, socketMode);
    this.#setServing('SERVING');
  }

  /** Takes no new calls; resolves when those in flight are answered, or cut off at the deadline. */
  async close(deadlineMs: number): Promise<void> {
    this.#setServing('NOT_SERVING');
    this.#stopping.abort();
    const ended = new AbortController();
    const answered = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    // A client that never speaks holds its connection open even against forceShutdown().
    const deadline = delay(deadlineMs, undefined, { signal: ended.signal }).then(
      () => this.#server.forceShutdown(),
      () => undefined,
    );
    await Promise.race([answered, deadline]);
    ended.abort();
  }

  #setServing(status: 'SERVING' | 'NOT_SERVING'): void {
    this.#health.setStatus('', status);
    this.#health.setStatus(serviceName, status);
  }
}

/** A socket that a killed process left behind is in the way; one in use is not ours. */
async function removeStale(path: string): Promise<void> {
  const connection = connect(path);
  try {
    await once(connection, 'connect');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code !== 'ECONNREFUSED') throw error;
    await unlink(path);
    return;
  } finally {
    connection.destroy();
  }
  throw new Error(`listen.socket ${path} is in use by another process`);
}
