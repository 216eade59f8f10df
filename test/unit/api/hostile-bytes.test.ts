// SPDX-License-Identifier: Apache-2.0
// What is no request as the .proto has them: each has its answer, and changes nothing.
import { once } from 'node:events';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { serviceName } from '../../../src/api/proto.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { ApiBed } from './api-bed.ts';
import { outcomeOf } from './outcome.ts';
import { RawClient } from './raw-calls.ts';

const megabyte = 1_048_576;
let bed: ApiBed;
let raw: RawClient;
let before: unknown;

beforeAll(async () => {
  bed = await ApiBed.start({
    listen: { insecure: { address: '127.0.0.1', port: 0 } },
    limits: { handshakeTimeoutSeconds: 1 },
  });
  raw = new RawClient(`unix:${bed.socket}`);
  await bed.client.call('CreateDistributor', {
    load_balancer: { id: '00000000-0000-4000-8000-000000000001' },
  });
  before = bed.snapshot();
});
afterAll(async () => {
  raw.close();
  await bed.stop();
});
afterEach(async () => {
  expect(bed.snapshot()).toEqual(before);
  expect(await outcomeOf(bed.client.call('ListDistributors', {}))).toBe('OK');
});

/** A field of a message: number, wire type 2. */
function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}

describe('messages', () => {
  const create = 'CreateDistributor';
  const malformed = { code: 'INVALID_ARGUMENT', reason: 'MALFORMED_REQUEST' };
  test.each([
    ['cut off', { method: create, bytes: Buffer.from([0x0a, 0x7f, 0x01]) }, malformed],
    ['of a wire type that is none', { method: create, bytes: Buffer.from([0x0f]) }, malformed],
    ['with a varint without end', { method: create, bytes: Buffer.alloc(20, 0xff) }, malformed],
    [
      'too large',
      { method: create, bytes: Buffer.alloc(megabyte + 1) },
      { code: 'RESOURCE_EXHAUSTED', reason: 'MESSAGE_TOO_LARGE' },
    ],
    ['empty', { method: create }, { code: 'INVALID_ARGUMENT', reason: 'INVALID_ARGUMENT' }],
    [
      'with fields of another version, which are ignored',
      { method: 'ListDistributors', bytes: field(15, Buffer.from('later')) },
      { code: 'OK', reason: null },
    ],
    [
      'of a compression that is none',
      { method: create, metadata: { 'grpc-encoding': 'zip' }, bytes: Buffer.alloc(9) },
      malformed,
    ],
    ['to no method', { method: 'MakeCoffee' }, { code: 'UNIMPLEMENTED', reason: null }],
    ['to no service', { method: '/coffee.Service/Make' }, { code: 'UNIMPLEMENTED', reason: null }],
  ])('%s', async (_, call, answer) => {
    expect(await raw.call(call)).toMatchObject(answer);
  });

  test.each(['', 'a'])(
    'an error that is cut between the halves of a character: %j',
    async (pad) => {
      const call = bed.client.call('GetDistributor', { distributor_id: pad + '😀'.repeat(300) });
      expect(await outcomeOf(call)).toBe('INVALID_ID');
    },
  );

  test('with too much metadata', async () => {
    const metadata = { 'x-long': 'a'.repeat(17_000) };
    expect(await raw.call({ method: 'ListDistributors', metadata })).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'METADATA_TOO_LARGE',
    });
  });
});

describe('HTTP/2', () => {
  interface Answer {
    readonly headers: IncomingHttpHeaders;
    readonly trailers: IncomingHttpHeaders;
  }
  async function post(headers: Record<string, string>, frames: readonly Buffer[]): Promise<Answer> {
    const session = connectHttp2(`http://127.0.0.1:${bed.listening.insecure?.port ?? 0}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${serviceName}/CreateDistributor`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    let trailers: IncomingHttpHeaders = {};
    stream.on('trailers', (given: IncomingHttpHeaders) => (trailers = given));
    for (const frame of frames) stream.write(frame);
    stream.end();
    const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    stream.resume();
    await once(stream, 'close');
    session.close();
    return { headers: answered, trailers };
  }
  const statusOf = ({ headers, trailers }: Answer) =>
    Number(headers['grpc-status'] ?? trailers['grpc-status']);
  const empty = Buffer.alloc(5);
  const invalidArgument = 3;
  const exhausted = 8;

  test('another content type is refused', async () => {
    const { headers } = await post({ 'content-type': 'application/json' }, [Buffer.from('{}')]);
    expect(headers[':status']).toBe(415);
  });
  test('two messages for one call', async () => {
    expect(statusOf(await post({}, [empty, empty]))).toBe(invalidArgument);
  });
  test('no message', async () => {
    expect(statusOf(await post({}, []))).toBe(invalidArgument);
  });
  test('a timeout that is none', async () => {
    expect(statusOf(await post({ 'grpc-timeout': 'soon' }, [empty]))).toBe(invalidArgument);
  });
  test('a megabyte that unpacks to a gigabyte is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * megabyte));
    const head = Buffer.alloc(5);
    head.writeUInt8(1, 0);
    head.writeUInt32BE(bomb.length, 1);
    const memory = process.memoryUsage().rss;
    const answer = await post({ 'grpc-encoding': 'gzip' }, [Buffer.concat([head, bomb])]);
    expect(statusOf(answer)).toBe(exhausted);
    expect(process.memoryUsage().rss - memory).toBeLessThan(150 * megabyte);
  });
});

describe('connections', () => {
  async function open(): Promise<Socket> {
    const socket = connectTo(bed.socket);
    socket.on('error', () => undefined);
    socket.resume();
    await once(socket, 'connect');
    return socket;
  }
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  test.each([
    ['of HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['with garbage', Buffer.alloc(100, 0xa5)],
    ['with garbage after the preface', Buffer.concat([preface, Buffer.alloc(100, 0xa5)])],
    ['that say nothing', Buffer.alloc(0)],
    ['that begin the preface and wait', preface.subarray(0, 10)],
  ])('%s are closed', async (_, bytes) => {
    const socket = await open();
    socket.write(bytes);
    await waitUntil('the daemon to close it', () => socket.closed);
  });
});
