// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../log.ts';
import type { Metrics } from './metrics.ts';

/** Clients at a time; further ones are turned away. */
const maxConnections = 16;
/** For a request to arrive, and for an answer to be taken. */
const requestMs = 5000;
const answerMs = 30_000;
/** How soon to listen again where the address was taken, or is not there yet. */
const retryMs = 10_000;

/** Serves GET and HEAD of /metrics over plain HTTP, and nothing else. */
export class MetricsServer {
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #server: Server;
  #retry: NodeJS.Timeout | null = null;

  constructor(metrics: Metrics, log: Log) {
    this.#metrics = metrics;
    this.#log = log;
    this.#server = createServer(
      {
        headersTimeout: requestMs,
        requestTimeout: requestMs,
        connectionsCheckingInterval: 1000,
        keepAliveTimeout: requestMs,
        maxHeaderSize: 8192,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = maxConnections;
    // Such as too many open files when a client comes; while it does not listen, listen() tells.
    this.#server.on('error', (error) => {
      if (this.#server.listening) log.error({ err: error }, 'a client of the metrics was lost');
    });
  }

  /**
   * Listens, or tries again later: forwarding does not depend on being observed. Port 0 = any.
   * Resolves after the first attempt.
   */
  async listen(place: { readonly address: string; readonly port: number }): Promise<void> {
    try {
      const listening = once(this.#server, 'listening');
      this.#server.listen(place.port, place.address);
      await listening;
      const { port } = this.#server.address() as AddressInfo;
      this.#log.info({ address: place.address, port }, 'serving metrics');
    } catch (error) {
      this.#log.error({ ...place, err: error }, 'metrics cannot be served, trying again');
      this.#retry = setTimeout(() => void this.listen(place), retryMs);
    }
  }

  /** null while it does not listen. */
  get port(): number | null {
    return (this.#server.address() as AddressInfo | null)?.port ?? null;
  }

  close(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const { method = '', url = '' } = request;
    const path = url.split('?', 1)[0];
    if (path !== '/metrics' || (method !== 'GET' && method !== 'HEAD')) {
      // What else it sends is not read.
      response.writeHead(404, { connection: 'close', 'content-length': 0 }).end();
      return;
    }
    const deadline = setTimeout(() => response.destroy(), answerMs);
    response.once('close', () => clearTimeout(deadline));
    try {
      const pieces = await this.#metrics.scrape();
      response.writeHead(200, {
        'content-type': this.#metrics.contentType,
        'content-length': pieces.reduce((sum, { length }) => sum + length, 0),
      });
      if (method === 'HEAD') response.end();
      else await pipeline(pieces, response).catch(() => undefined); // who asked has gone
    } catch (error) {
      this.#log.error({ err: error }, 'metrics cannot be read');
      response.destroy();
    }
  }
}
