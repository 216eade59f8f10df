// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Log } from '../log.ts';
import type { Metrics } from './metrics.ts';

/** Clients at a time; further ones are turned away. */
const maxConnections = 16;
/** That are sent at a time. */
const maxScrapes = 4;
/** The least: a twelfth of the bytes for a tenth more of processor time, on other threads. */
const gzipLevel = 1;
/** For a request to arrive, for any part of an answer to be taken, and for all of it. */
const requestMs = 5000;
const partMs = 5000;
const answerMs = 30_000;
/** How soon to listen again where the address was taken, or is not there yet. */
const retryMs = 10_000;

/** Serves GET and HEAD of /metrics over plain HTTP, and nothing else. */
export class MetricsServer {
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #server: Server;
  #retry: NodeJS.Timeout | null = null;
  #sending = 0;

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
    if (method === 'HEAD') response.writeHead(200, this.#headers(false)).end();
    else if (this.#sending >= maxScrapes)
      response.writeHead(503, { 'retry-after': '1', 'content-length': 0 }).end();
    else await this.#send(response, takesGzip(request));
  }

  /** As fast as it is taken: nothing but a piece waits for that. */
  async #send(response: ServerResponse, isPacked: boolean): Promise<void> {
    this.#sending++;
    const cutOff = () => response.destroy();
    const deadline = setTimeout(cutOff, answerMs);
    const pieces = this.#pieces(cutOff);
    response.writeHead(200, this.#headers(isPacked));
    try {
      if (isPacked) await pipeline(pieces, createGzip({ level: gzipLevel }), response);
      else await pipeline(pieces, response);
    } catch {
      response.destroy(); // who asked has gone, or was cut off
    } finally {
      clearTimeout(deadline);
      this.#sending--;
    }
  }

  /** Calls if a piece is not taken in time. */
  async *#pieces(cutOff: () => void): AsyncGenerator<Buffer> {
    try {
      for await (const piece of this.#metrics.scrape()) {
        const deadline = setTimeout(cutOff, partMs);
        try {
          yield piece;
        } finally {
          clearTimeout(deadline);
        }
      }
    } catch (error) {
      this.#log.error({ err: error }, 'metrics cannot be read');
      throw error;
    }
  }

  #headers(isPacked: boolean): OutgoingHttpHeaders {
    const headers = { 'content-type': this.#metrics.contentType, vary: 'accept-encoding' };
    return isPacked ? { ...headers, 'content-encoding': 'gzip' } : headers;
  }
}

/** RFC 9110, 12.5.3; without wildcards. */
function takesGzip({ headers }: IncomingMessage): boolean {
  const codings = (headers['accept-encoding'] ?? '').split(',');
  return codings.some((coding) => /^\s*gzip\s*(?:;(?!\s*q=0(?:\.0*)?\s*$).*)?$/i.test(coding));
}
