// SPDX-License-Identifier: Apache-2.0
// While somebody attacks, others' calls are answered, limits hold and memory stays bounded.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect as connectTo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serviceName } from '../../src/api/proto.ts';
import { ApiBed } from '../unit/api/api-bed.ts';
import { outcomeOf } from '../unit/api/outcome.ts';
import { waitUntil } from '../support/wait-until.ts';

const calls = 300;
const megabyte = 2 ** 20;
let bed: ApiBed;
let port: number;
const closers: (() => void)[] = [];

beforeEach(async () => {
  bed = await ApiBed.start({
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

function begin(session: ClientHttp2Session, method: string) {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${serviceName}/${method}`,
    'content-type': 'application/grpc',
  });
  stream.on('error', () => undefined);
  return stream;
}

/** Attacks until others have had `calls` answers. */
async function during(attack: (isOver: () => boolean) => Promise<void>): Promise<void> {
  let isOver = false;
  const before = process.memoryUsage().rss;
  const attacking = attack(() => isOver);
  for (let n = 0; n < calls; n++)
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
