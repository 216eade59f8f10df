// SPDX-License-Identifier: Apache-2.0
// While somebody attacks, others' calls are answered, limits hold and memory stays bounded.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectHttp2, constants, type ClientHttp2Session } from 'node:http2';
import { connect as connectTo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentObserver } from '../../src/api/call-observer.ts';
import { parseConfig } from '../../src/config.ts';
import { serviceName } from '../../src/api/proto.ts';
import { ApiBed } from '../unit/api/api-bed.ts';
import { outcomeOf } from '../unit/api/outcome.ts';
import { SecuredBed } from '../unit/api/secured-bed.ts';
import { waitUntil } from '../support/wait-until.ts';

const calls = 300;
const megabyte = 2 ** 20;
let bed: ApiBed;
let port: number;
/** How often, by what it was. */
const refusals = new Map<string, number>();
const warn = vi.fn();
const closers: (() => void)[] = [];

beforeEach(async () => {
  refusals.clear();
  warn.mockClear();
  bed = await ApiBed.start({
    log: { debug() {}, info() {}, warn, error() {} },
    observer: {
      ...silentObserver,
      refused: (reason) => refusals.set(reason, (refusals.get(reason) ?? 0) + 1),
    },
    listen: { insecure: { address: '127.0.0.1', port: 0 } },
    limits: { handshakeTimeoutSeconds: 1, callTimeoutSeconds: 2 },
  });
  port = bed.listening.insecure?.port ?? 0;
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await bed.stop();
});

async function open(): Promise<Socket> {
  const socket = connectTo({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  socket.resume();
  closers.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

function openHttp2(): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  closers.push(() => session.destroy());
  return session;
}

function begin(session: ClientHttp2Session, method: string, headers = {}) {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${serviceName}/${method}`,
    'content-type': 'application/grpc',
    ...headers,
  });
  stream.on('error', () => undefined);
  return stream;
}

/** Attacks until others have had so many answers. */
async function during(
  attack: (isOver: () => boolean) => Promise<void>,
  answers = calls,
): Promise<void> {
  let isOver = false;
  const before = process.memoryUsage().rss;
  const attacking = attack(() => isOver);
  for (let n = 0; n < answers; n++)
    expect(await outcomeOf(bed.client.call('ListDistributors', {}))).toBe('OK');
  isOver = true;
  await attacking;
  expect(process.memoryUsage().rss - before).toBeLessThan(400 * megabyte);
}

test('connections with garbage', () =>
  during(async (isOver) => {
    while (!isOver()) {
      const socket = await open();
      socket.write(randomBytes(4096));
      socket.destroy();
    }
  }));

test('connections that say nothing, or a byte now and then', async () => {
  const sockets: Socket[] = [];
  await during(async (isOver) => {
    while (!isOver()) {
      const socket = await open();
      socket.write('PRI * HTTP/2.0'.slice(0, sockets.length % 14));
      sockets.push(socket);
    }
  });
  await waitUntil('all to be closed', () => sockets.every(({ closed }) => closed), {
    deadlineMs: 30_000,
  });
});

test('messages that are announced and never sent', () =>
  during(async (isOver) => {
    const session = openHttp2();
    const head = Buffer.alloc(5);
    head.writeUInt32BE(megabyte, 1);
    const part = Buffer.concat([head, Buffer.alloc(megabyte / 2)]);
    // The attacker's memory is this process's, too.
    for (let n = 0; n < 300 && !isOver(); n++) {
      const stream = begin(session, 'ListDistributors');
      stream.write(part);
      stream.resume();
      await new Promise(setImmediate);
    }
  }));

test('streams that are opened and not read', () =>
  during(async (isOver) => {
    const sessions = Array.from({ length: 10 }, openHttp2);
    for (let n = 0; n < 10_000 && !isOver(); n++) {
      const session = sessions[n % sessions.length] ?? openHttp2();
      if (session.destroyed) continue;
      const stream = begin(session, 'WatchDistributors');
      stream.pause();
      stream.end(Buffer.alloc(5));
      if (n % 100 === 0) await new Promise(setImmediate);
    }
  }));

test('streams that are reset as soon as they are opened', () =>
  during(async (isOver) => {
    let session = openHttp2();
    while (!isOver()) {
      if (session.destroyed || session.closed) session = openHttp2();
      for (let n = 0; n < 50; n++) begin(session, 'ListDistributors').close(8);
      await new Promise(setImmediate);
    }
  }));

/** Soon exceeded, but not by the calls that others make. */
const lowLimits = {
  ...parseConfig('', 'defaults').limits,
  ratePerClient: { callsPerSecond: 100, burst: 200 },
};

const floods: readonly (readonly [string, (session: ClientHttp2Session) => void])[] = [
  ['streams that are reset at once', (session) => begin(session, 'ListDistributors').close(8)],
  ['methods that there are not', (session) => begin(session, 'MadeUp').resume().end()],
  [
    'content that is no call',
    (session) => begin(session, 'MadeUp', { 'content-type': 'text/html' }).resume().end(),
  ],
  [
    'calls beyond its rate',
    (session) => begin(session, 'ListDistributors').resume().end(Buffer.alloc(5)),
  ],
];

test.each(floods)('who begins streams without end is cut off: %s', async (_, flood) => {
  const goodbyes = new Set<number>();
  await bed.server.follow({ limits: lowLimits, listen: { socket: bed.socket } });
  await during(async (isOver) => {
    const sessions = new Set<ClientHttp2Session>();
    while (!isOver() || !refusals.has('streams') || goodbyes.size === 0) {
      while (sessions.size < 8) {
        const session = openHttp2();
        sessions.add(session);
        session.on('goaway', (code: number) => goodbyes.add(code));
        session.once('close', () => sessions.delete(session));
      }
      for (const session of sessions)
        for (let n = 0; n < 50 && !session.destroyed && !session.closed; n++) flood(session);
      await new Promise(setImmediate);
    }
  }, 100);
  expect(goodbyes).toContain(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  const told = { refusal: 'streams', client: 'tcp 127.0.0.1' };
  expect(warn).toHaveBeenCalledWith(expect.objectContaining(told), 'refused');
});

test('over TLS it is a client by its certificate: another one at its address goes on', async () => {
  const secured = await SecuredBed.start({
    ...{ limits: lowLimits, log: { debug() {}, info() {}, warn, error() {} } },
    observer: { ...silentObserver, refused: (reason) => refusals.set(reason, 1) },
  });
  try {
    const { certificate, key } = secured.admin;
    const [cert, privateKey] = await Promise.all([readFile(certificate), readFile(key)]);
    const options = { cert, key: privateKey, rejectUnauthorized: false };
    const flooding = connectHttp2(`https://127.0.0.1:${secured.tlsPort}`, options);
    closers.push(() => flooding.destroy());
    flooding.on('error', () => undefined);
    const reader = secured.clientWith(secured.reader);
    expect(await outcomeOf(reader.call('ListDistributors', {}))).toBe('OK');
    await waitUntil('it to be cut off', () => {
      for (let n = 0; n < 100 && !flooding.destroyed && !flooding.closed; n++)
        begin(flooding, 'MadeUp').resume().end();
      return flooding.destroyed && refusals.has('streams');
    });
    const told = { refusal: 'streams', client: 'DNS:controller.example' };
    expect(warn).toHaveBeenCalledWith(expect.objectContaining(told), 'refused');
    expect(await outcomeOf(reader.call('ListDistributors', {}))).toBe('OK');
    expect([...refusals.keys()]).toEqual(['streams']);
  } finally {
    await secured.stop();
  }
});

test('a connection that keeps to its number of streams and its rate goes on', async () => {
  const session = openHttp2();
  for (let round = 0; round < 20; round++) {
    const streams = Array.from({ length: 100 }, () => begin(session, 'ListDistributors'));
    const answers = streams.map(async (stream) => {
      stream.resume().end(Buffer.alloc(5));
      await once(stream, 'close');
      return stream.rstCode;
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set([constants.NGHTTP2_NO_ERROR]));
  }
  expect(session.destroyed).toBe(false);
  expect([...refusals.keys()]).toEqual([]);
});

/** HTTP/2's frame (RFC 9113, 4.1). */
function frame(type: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = type === HEADERS ? 0x4 : 0; // END_HEADERS
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

const [HEADERS, RST_STREAM, SETTINGS] = [1, 3, 4];

/** A header block without compression (RFC 7541, 6.2.2). */
function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => [Buffer.from([value.length]), Buffer.from(value)];
  const fields = Object.entries(headers).flatMap(([name, value]) => [
    ...[Buffer.from([0]), ...text(name), ...text(value)],
  ]);
  return Buffer.concat(fields);
}

// The library answers an unknown method without a look whether its stream is still there.
test.each(['MadeUp', 'ListDistributors'])(
  'thousands of streams of %s in one write, each reset for an error: the rest is not looked at',
  async (method) => {
    const block = headerBlock({
      ...{ ':method': 'POST', ':scheme': 'http', ':path': `/${serviceName}/${method}` },
      ...{ ':authority': 'x', 'content-type': 'application/grpc' },
    });
    const protocolError = Buffer.from([0, 0, 0, 1]);
    const streams = Array.from({ length: 3000 }, (_, index) => [
      frame(HEADERS, 2 * index + 1, block),
      frame(RST_STREAM, 2 * index + 1, protocolError),
    ]).flat();
    // A client that does not end its side when the server has ended its own.
    const socket = connectTo({ host: '127.0.0.1', port, allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    closers.push(() => socket.destroy());
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(Buffer.concat([preface, frame(SETTINGS, 0, Buffer.alloc(0)), ...streams]));
    await waitUntil('it to be refused', () => refusals.has('streams'));
    expect(refusals.get('streams')).toBe(1);
    // Gone, not only closed on one side: what is sent there is answered by a reset.
    await waitUntil('the connection to be gone', () => {
      socket.write(frame(SETTINGS, 0, Buffer.alloc(0)));
      return socket.destroyed;
    });
    expect(await outcomeOf(bed.client.call('ListDistributors', {}))).toBe('OK');
  },
);
