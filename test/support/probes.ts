// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { ProbeOptions, ProbeResult } from './client-protocol.ts';
import { mapConcurrently } from './concurrently.ts';
import { addressOf, clientAddress, HTTP_PORT, UDP_ECHO_PORT, VIP } from './topology.ts';

const DEFAULT_CONCURRENCY = 128;
const DEFAULT_TIMEOUT_MS = 5000;

interface Probe {
  readonly family: ProbeOptions['family'];
  readonly localAddress: string;
  /** 0 for any. */
  readonly localPort: number;
  readonly host: string;
  readonly timeoutMs: number;
}

/** One HTTP request on a new connection from each client. */
export function probeHttp(options: ProbeOptions): Promise<ProbeResult[]> {
  return probeAll(options, getAmphora);
}

/** One datagram, sent once, from each client. */
export function probeUdp(options: ProbeOptions): Promise<ProbeResult[]> {
  return probeAll(options, askAmphora);
}

function probeAll(
  options: ProbeOptions,
  amphoraFor: (probe: Probe) => Promise<string>,
): Promise<ProbeResult[]> {
  const { family, concurrency = DEFAULT_CONCURRENCY, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  return mapConcurrently(options.clients, concurrency, async (client) => {
    const probe = {
      family,
      localAddress: clientAddress(family, client),
      localPort: options.sourcePort ?? 0,
      host: addressOf(family, VIP),
      timeoutMs,
    };
    try {
      return { client, amphora: await amphoraFor(probe), error: null };
    } catch (error) {
      return {
        client,
        amphora: null,
        error: error instanceof Error ? error.message : String(error),
      };
    }
  });
}

/** By hand: an HTTP client with its pools and parsers costs more than the probe. */
async function getAmphora(probe: Probe): Promise<string> {
  const { host, localAddress, localPort, timeoutMs } = probe;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host, port: HTTP_PORT, localAddress, localPort });
  const timer = setTimeout(() => {
    reject(new Error(`no answer in ${timeoutMs.toString()} ms`));
  }, timeoutMs);
  let answer = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => (answer += text));
  socket.on('error', reject);
  socket.on('end', () => {
    const body = /^HTTP\/1\.[01] 200 [^]*?\r\n\r\n(?<name>[^\n]+)\n$/.exec(answer)?.groups?.name;
    if (body === undefined) reject(new Error(`unexpected answer ${JSON.stringify(answer)}`));
    else resolve(body);
  });
  socket.write('GET / HTTP/1.0\r\n\r\n');
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function askAmphora(probe: Probe): Promise<string> {
  const { family, host, localAddress, localPort, timeoutMs } = probe;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6' });
  const timer = setTimeout(() => {
    reject(new Error(`no answer in ${timeoutMs.toString()} ms`));
  }, timeoutMs);
  const payload = `probe of ${localAddress}`;
  socket.on('error', reject);
  socket.on('message', (data) => {
    const answer = data.toString('latin1');
    if (answer.endsWith(`:${payload}`)) resolve(answer.slice(0, -payload.length - 1));
    else reject(new Error(`unexpected answer ${JSON.stringify(answer)}`));
  });
  // A connected socket takes answers from the VIP alone, and hears of ICMP errors.
  socket.bind(localPort, localAddress, () => {
    socket.connect(UDP_ECHO_PORT, host, (error?: Error) => {
      if (error === undefined) socket.send(payload);
      else reject(error);
    });
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}
