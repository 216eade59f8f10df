// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { MetricsServer } from '../../../src/metrics/metrics-server.ts';
import { textOf } from './metrics-bed.ts';

const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const place = { address: '127.0.0.1', port: 0 };

let metrics: Metrics;
let server: MetricsServer;
beforeEach(async () => {
  vi.resetAllMocks();
  metrics = new Metrics(log);
  server = new MetricsServer(metrics, log);
  await server.listen(place);
});
afterEach(() => server.close());

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

async function ask(method: string, path: string, headers = {}): Promise<Answer> {
  const where = { port: server.port, host: '127.0.0.1', agent: false };
  const call = request({ ...where, method, path, headers });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const { statusCode: status, headers: answered } = response;
  const isPacked = answered['content-encoding'] === 'gzip';
  const body = await text(isPacked ? response.pipe(createGunzip()) : response);
  return { status, body, headers: answered };
}

test('GET /metrics', async () => {
  const { status, body, headers } = await ask('GET', '/metrics');
  expect(status).toBe(200);
  expect(body).toContain('# TYPE process_resident_memory_bytes gauge\n');
  expect(body).toContain('distributord_scrape_failures_total 0\n');
  expect(headers).toMatchObject({ 'transfer-encoding': 'chunked', vary: 'accept-encoding' });
  expect(headers).not.toHaveProperty('content-encoding');
});

test('HEAD /metrics reads nothing', async () => {
  const source = vi.fn();
  metrics.register('counted', source);
  const { status, body, headers } = await ask('HEAD', '/metrics');
  expect({ status, body }).toEqual({ status: 200, body: '' });
  expect(headers['content-type']).toContain('text/plain');
  expect(source).not.toHaveBeenCalled();
});

test.each([
  ['gzip', 'gzip'],
  ['deflate, GZIP;q=0.8', 'gzip'],
  ['gzip;q=0', undefined],
  ['gzip; q=0.00, identity', undefined],
  ['br, gzipped', undefined],
  ['', undefined],
])('who accepts %j gets %s', async (accepted, coding) => {
  const { body, headers } = await ask('GET', '/metrics', { 'accept-encoding': accepted });
  expect(headers['content-encoding']).toBe(coding);
  expect(body).toContain('distributord_scrape_failures_total 0\n');
});

test.each([
  ['GET', '/'],
  ['GET', '/metrics/'],
  ['POST', '/metrics'],
  ['DELETE', '/metrics'],
])('%s %s is not found', async (method, path) => {
  expect(await ask(method, path)).toMatchObject({ status: 404, body: '' });
});

test('who sends nonsense is cut off, and others are served', async () => {
  const stranger = connect(server.port ?? 0, '127.0.0.1');
  stranger.on('error', () => undefined);
  stranger.write('\x00\x01 nonsense\r\n\r\n');
  stranger.resume();
  await once(stranger, 'close');
  expect((await ask('GET', '/metrics')).status).toBe(200);
});

test('of too many clients some are turned away, and it goes on', async () => {
  const strangers = Array.from({ length: 40 }, () => {
    const stranger = connect(server.port ?? 0, '127.0.0.1');
    stranger.on('error', () => undefined);
    return stranger;
  });
  await Promise.race(strangers.map((stranger) => once(stranger.resume(), 'close')));
  for (const stranger of strangers) stranger.destroy();
  await vi.waitFor(async () => expect((await ask('GET', '/metrics')).status).toBe(200));
});

const get = 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n';

test('who goes while the metrics are read does no harm', async () => {
  const reading = Promise.withResolvers<undefined>();
  const gone = Promise.withResolvers<undefined>();
  metrics.register('slow', async () => {
    reading.resolve(undefined);
    await gone.promise;
  });
  const client = connect(server.port ?? 0, '127.0.0.1');
  client.write(get);
  await reading.promise;
  client.resetAndDestroy();
  await once(client, 'close');
  gone.resolve(undefined);
  expect((await ask('GET', '/metrics')).status).toBe(200);
  expect(log.error).not.toHaveBeenCalled();
});

test('what cannot be made is told to the log, and cuts the answer short', async () => {
  metrics.register('broken', (out) =>
    out.addMany('distributord_host_packets_total', () => {
      throw new Error('out of order');
    }),
  );
  await expect(ask('GET', '/metrics')).rejects.toThrow();
  expect(log.error).toHaveBeenCalledExactlyOnceWith(
    { err: new Error('out of order') },
    'metrics cannot be read',
  );
});

const manyLines = 20_000;

/** Of the event loop: sockets have taken by then what they can. */
async function nextTurns(): Promise<void> {
  for (let n = 0; n < 100; n++) await new Promise(setImmediate);
}

/** Far more than fits in the buffers of a connection. Counts the lines that were made. */
function registerLarge(): { made: number } {
  const count = { made: 0 };
  metrics.register('large', (out) =>
    out.addMany('distributord_host_packets_total', function* () {
      for (let n = 0; n < manyLines; n++) {
        count.made++;
        yield `distributord_host_packets_total ${n} ${'0'.repeat(1000)}\n`;
      }
    }),
  );
  return count;
}

/** Asks, and takes no more than the beginning. */
async function hang(): Promise<Socket> {
  const client = connect(server.port ?? 0, '127.0.0.1');
  client.on('error', () => undefined);
  client.write(get);
  await once(client, 'readable');
  return client;
}

test('for who does not take the answer it is not made, and he is cut off', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const count = registerLarge();
    const client = await hang();
    // Made until the buffers are full, and then no more.
    let made = -1;
    while (made !== count.made) {
      made = count.made;
      await nextTurns();
    }
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(manyLines);
    vi.advanceTimersByTime(5000);
    client.resume();
    await once(client, 'close');
    expect(count.made).toBeLessThan(manyLines);
  } finally {
    vi.useRealTimers();
  }
});

test('others are served meanwhile; of too many scrapes at a time some are told so', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    registerLarge();
    const hanging = [await hang(), await hang(), await hang()];
    expect((await ask('GET', '/metrics')).status).toBe(200);
    hanging.push(await hang());
    const refused = await ask('GET', '/metrics');
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    vi.advanceTimersByTime(5000);
    for (const client of hanging) await once(client.resume(), 'close');
    expect((await ask('GET', '/metrics')).status).toBe(200);
  } finally {
    vi.useRealTimers();
  }
});

test('scrapes at the same time are one', async () => {
  let scrapes = 0;
  metrics.register('counted', async () => {
    scrapes++;
    await new Promise(setImmediate);
  });
  const texts = await Promise.all([textOf(metrics), textOf(metrics), textOf(metrics)]);
  expect(scrapes).toBe(1);
  expect(new Set(texts).size).toBe(1);
  await textOf(metrics);
  expect(scrapes).toBe(2);
});

test('an address that is taken is an error in the log, and tried again', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const second = new MetricsServer(metrics, log);
  try {
    await second.listen({ address: '127.0.0.1', port });
    expect(log.error).toHaveBeenCalledOnce();
    expect(second.port).toBeNull();
    holder.close();
    await once(holder, 'close');
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    await vi.waitFor(() => expect(second.port).toBe(port));
  } finally {
    vi.useRealTimers();
    second.close();
  }
});
