// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { MetricsServer } from '../../../src/metrics/metrics-server.ts';

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

async function ask(
  method: string,
  path: string,
): Promise<{ status?: number; body: string; length: number }> {
  const call = request({ port: server.port, host: '127.0.0.1', method, path, agent: false });
  call.end();
  const [response] = (await once(call, 'response')) as [import('node:http').IncomingMessage];
  let body = '';
  response.setEncoding('utf8').on('data', (text: string) => (body += text));
  await once(response, 'end');
  const length = Number(response.headers['content-length']);
  return {
    ...(response.statusCode === undefined ? {} : { status: response.statusCode }),
    body,
    length,
  };
}

test('GET /metrics', async () => {
  const { status, body, length } = await ask('GET', '/metrics');
  expect(status).toBe(200);
  expect(body).toContain('# TYPE process_resident_memory_bytes gauge\n');
  expect(body).toContain('distributord_scrape_failures_total 0\n');
  expect(length).toBe(Buffer.byteLength(body));
});

test('HEAD /metrics tells the length alone', async () => {
  const { status, body, length } = await ask('HEAD', '/metrics');
  expect({ status, body }).toEqual({ status: 200, body: '' });
  expect(length).toBeGreaterThan(100);
});

test.each([
  ['GET', '/'],
  ['GET', '/metrics/'],
  ['POST', '/metrics'],
  ['DELETE', '/metrics'],
])('%s %s is not found', async (method, path) => {
  expect(await ask(method, path)).toEqual({ status: 404, body: '', length: 0 });
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
});

test('who does not take the answer is cut off', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const lines = 300_000;
    metrics.register('large', (out) => {
      for (let n = 0; n < lines; n++) out.add('distributord_host_packets_total', n);
    });
    const client = connect(server.port ?? 0, '127.0.0.1');
    client.on('error', () => undefined);
    client.write(get);
    // More than fits in the sockets' buffers: the rest waits for the client.
    await once(client, 'readable');
    vi.advanceTimersByTime(30_000);
    let taken = 0;
    client.on('data', (chunk: Buffer) => (taken += chunk.length));
    await once(client, 'close');
    expect(taken).toBeLessThan(lines * 'distributord_host_packets_total 0'.length);
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
  await Promise.all([metrics.scrape(), metrics.scrape(), metrics.scrape()]);
  expect(scrapes).toBe(1);
  await metrics.scrape();
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
