// SPDX-License-Identifier: Apache-2.0
// One client's calls, watches and connections end at their limits; others' calls are answered.
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTo, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { CallObserver } from '../../../src/api/call-observer.ts';
import { serviceName } from '../../../src/api/proto.ts';
import { Shares } from '../../../src/api/shares.ts';
import { TokenBuckets } from '../../../src/api/token-buckets.ts';
import { Client } from '../../../src/cli/client.ts';
import { tcpEndpoint } from '../../../src/cli/endpoint.ts';
import { parseConfig } from '../../../src/config.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { ApiBed, type BedOptions } from './api-bed.ts';
import { firstOf, outcomeOf } from './outcome.ts';
import { RawClient } from './raw-calls.ts';

const loadBalancer = { id: '00000000-0000-4000-8000-000000000001' };

class Tally implements CallObserver {
  readonly refusals = new Map<string, number>();
  readonly ends: Parameters<CallObserver['ended']>[0][] = [];
  under = 0;
  started(): void {
    this.under++;
  }
  ended(call: Parameters<CallObserver['ended']>[0]): void {
    this.under--;
    this.ends.push(call);
  }
  refused(reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }
}

let bed: ApiBed;
let tally: Tally;
const closers: (() => void)[] = [];
async function start(options: BedOptions): Promise<void> {
  tally = new Tally();
  bed = await ApiBed.start({
    listen: { insecure: { address: '127.0.0.1', port: 0 } },
    observer: tally,
    ...options,
  });
}
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await bed.stop();
});

/** Another client than the bed's own, by its address. */
function other(): Client {
  const port = bed.listening.insecure?.port ?? 0;
  const client = new Client(tcpEndpoint(`127.0.0.1:${port}`, {}));
  closers.push(() => client.close());
  return client;
}

describe('calls at a time', () => {
  test('too many of one client are refused, and end to make room', async () => {
    const maxConcurrentCalls = { overall: 10, perClient: 3, perConnection: 100 };
    await start({ limits: { maxConcurrentCalls } });
    const { distributor_id } = await bed.client.call('CreateDistributor', {
      load_balancer: loadBalancer,
    });
    const held = Promise.withResolvers<null>();
    const holding = bed.locks.run(distributor_id, () => held.promise);
    const change = () =>
      outcomeOf(bed.client.call('SetWeights', { distributor_id, weights: [{ amphora_id: 'a' }] }));
    const waiting = [change(), change(), change()];
    await waitUntil('three calls to wait', () => tally.under === 3);
    expect(await change()).toBe('TOO_MANY_CALLS');
    expect(await outcomeOf(other().call('ListDistributors', {}))).toBe('OK');
    held.resolve(null);
    await holding;
    expect(await Promise.all(waiting)).toEqual(Array(3).fill('AMPHORA_NOT_FOUND'));
    expect(await outcomeOf(bed.client.call('ListDistributors', {}))).toBe('OK');
    expect([...tally.refusals]).toEqual([['calls', 1]]);
  });

  test('other limits count from the next call on', async () => {
    await start({});
    const { listen, limits } = parseConfig('', 'defaults');
    const follow = (changed: Partial<typeof limits>) =>
      bed.server.follow({ listen, limits: { ...limits, ...changed } });
    const read = () => outcomeOf(bed.client.call('ListDistributors', {}));
    expect(await read()).toBe('OK');
    await follow({ maxMetadataBytes: 1 });
    expect(await read()).toBe('METADATA_TOO_LARGE');
    await follow({ ratePerClient: { callsPerSecond: 1, burst: 1 } });
    expect([await read(), await read()]).toContain('RATE_LIMITED');
    await follow({ watches: { overall: 1, perClient: 1 } });
    const watch = bed.client.stream('WatchDistributors', {});
    const first = watch.next();
    await waitUntil(
      'the watch to be held',
      async () =>
        (await firstOf(bed.client.stream('WatchDistributors', {}))) === 'TOO_MANY_WATCHES',
    );
    await watch.return();
    await first.catch(() => undefined);
  });

  test('10,000 streams of one client are refused but for its share', async () => {
    await start({ limits: { watches: { overall: 8, perClient: 5 } } });
    const attacker = connectHttp2(`http://127.0.0.1:${bed.listening.insecure?.port ?? 0}`);
    closers.push(() => attacker.destroy());
    attacker.on('error', () => undefined);
    const headers = {
      ':method': 'POST',
      ':path': `/${serviceName}/WatchDistributors`,
      'content-type': 'application/grpc',
    };
    const statuses: unknown[] = [];
    for (let n = 0; n < 10_000; n++) {
      const stream = attacker.request(headers);
      stream.on('error', () => undefined);
      stream.on('response', (answer) => {
        if (answer['grpc-status'] !== undefined) statuses.push(answer['grpc-status']);
      });
      stream.resume();
      stream.end(Buffer.alloc(5));
    }
    for (let n = 0; n < 100; n++)
      expect(await outcomeOf(bed.client.call('ListDistributors', {}))).toBe('OK');
    await waitUntil('all to be answered', () => statuses.length === 9995, { deadlineMs: 60_000 });
    expect(new Set(statuses)).toEqual(new Set(['8']));
    const { watches = 0, rate = 0 } = Object.fromEntries(tally.refusals);
    expect(watches + rate).toBe(9995);
    expect(await firstOf(bed.client.stream('WatchDistributors', {}))).toBe('OK');
  });

  test('watches are limited overall, too', async () => {
    await start({ limits: { watches: { overall: 2, perClient: 2 } } });
    const watches = [1, 2].map(() => bed.client.stream('WatchDistributors', {}));
    for (const watch of watches) await watch.next();
    expect(await firstOf(other().stream('WatchDistributors', {}))).toBe('TOO_MANY_WATCHES');
    await watches[0]?.return();
    await waitUntil(
      'room',
      async () => (await firstOf(other().stream('WatchDistributors', {}))) === 'OK',
    );
    await watches[1]?.return();
  });
});

describe('connections', () => {
  async function open(where: { path: string } | { port: number; host: string }): Promise<Socket> {
    const socket = connectTo(where);
    socket.on('error', () => undefined);
    socket.resume();
    closers.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }
  test('of one address end at their limit; the socket has its own', async () => {
    await start({ limits: { connections: { perListener: 50, perAddress: 4 } } });
    const where = { host: '127.0.0.1', port: bed.listening.insecure?.port ?? 0 };
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(where)));
    await waitUntil(
      'the others to be closed',
      () => sockets.filter(({ closed }) => !closed).length === 4,
    );
    expect(await outcomeOf(bed.client.call('ListDistributors', {}))).toBe('OK');
    expect(tally.refusals.get('connections-per-address')).toBe(16);
    for (const socket of sockets) socket.destroy();
    await waitUntil(
      'room',
      async () => (await outcomeOf(other().call('ListDistributors', {}))) === 'OK',
    );
  });
  test('of a listener end at their limit', async () => {
    await start({ limits: { connections: { perListener: 3, perAddress: 3 } } });
    const sockets = await Promise.all(Array.from({ length: 9 }, () => open({ path: bed.socket })));
    await waitUntil(
      'the others to be closed',
      () => sockets.filter(({ closed }) => !closed).length === 3,
    );
    expect(await outcomeOf(other().call('ListDistributors', {}))).toBe('OK');
    expect(tally.refusals.get('connections')).toBe(6);
  });
});

describe('rates', () => {
  test('a client that calls too often is told when to come again', async () => {
    await start({ limits: { ratePerClient: { callsPerSecond: 1, burst: 5 } } });
    const raw = new RawClient(`unix:${bed.socket}`);
    closers.push(() => raw.close());
    const answers = [];
    for (let n = 0; n < 6; n++) answers.push(await raw.call({ method: 'ListDistributors' }));
    expect(answers.slice(0, 5).map(({ code }) => code)).toEqual(Array(5).fill('OK'));
    expect(answers[5]).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'RATE_LIMITED' });
    expect(answers[5]?.retryDelayMs).toBeGreaterThan(0);
    expect(answers[5]?.retryDelayMs).toBeLessThanOrEqual(1000);
    expect(await outcomeOf(other().call('ListDistributors', {}))).toBe('OK');
  });

  test('tokens come back with time, up to the burst', () => {
    let now = 0;
    const buckets = new TokenBuckets({ callsPerSecond: 10, burst: 2, clock: () => now });
    expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([null, null, 100]);
    now = 50;
    expect(buckets.take('a')).toBe(50);
    now = 100;
    expect(buckets.take('a')).toBeNull();
    now = 10_000;
    expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([null, null, 100]);
    expect(buckets.take('b')).toBeNull();
  });

  test('shares come back', () => {
    const shares = new Shares({ overall: 2, each: 1 });
    expect([shares.take('a'), shares.take('a'), shares.take('b'), shares.take('c')]).toEqual([
      ...[null, 'each', null, 'overall'],
    ]);
    shares.giveBack('b');
    expect(shares.take('c')).toBeNull();
  });
});

describe('time', () => {
  test('a call that waits too long is answered, and what has not begun does not', async () => {
    await start({ limits: { callTimeoutSeconds: 1 } });
    const { distributor_id } = await bed.client.call('CreateDistributor', {
      load_balancer: loadBalancer,
    });
    const before = bed.snapshot();
    const held = Promise.withResolvers<null>();
    const holding = bed.locks.run(distributor_id, () => held.promise);
    const call = bed.client.call('DeleteDistributor', { distributor_id });
    await expect(call).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'CALL_TIMEOUT',
    });
    held.resolve(null);
    await holding;
    await bed.locks.idle();
    expect(bed.snapshot()).toEqual(before);
    expect(tally.refusals.get('timeout')).toBe(1);
  });

  test.each(['completed', 'undone'] as const)('what has begun is %s all the same', async (end) => {
    await start({ limits: { callTimeoutSeconds: 1 } });
    const { distributor_id } = await bed.client.call('CreateDistributor', {
      load_balancer: loadBalancer,
    });
    const before = bed.snapshot();
    const held = Promise.withResolvers<null>();
    const execute = bed.datapath.execute.bind(bed.datapath);
    bed.datapath.execute = async (id, operation) => {
      await held.promise;
      return execute(id, operation);
    };
    const attachment = { interface: 'eth1', port: 'interface' } as const;
    const call = bed.client.call('AddVip', {
      distributor_id,
      vip: { address: '10.0.0.9', attachment },
    });
    expect(await outcomeOf(call)).toBe('CALL_TIMEOUT');
    bed.datapath.refuses = ({ kind }) => end === 'undone' && kind === 'put-vip';
    held.resolve(null);
    await bed.locks.idle();
    if (end === 'undone') expect(bed.snapshot()).toEqual(before);
    else
      expect(await bed.client.call('GetDistributor', { distributor_id })).toMatchObject({
        vips: [{ address: '10.0.0.9' }],
      });
  });

  test('nor does one whose client has gone meanwhile', async () => {
    await start({});
    const { distributor_id } = await bed.client.call('CreateDistributor', {
      load_balancer: loadBalancer,
    });
    const before = bed.snapshot();
    const held = Promise.withResolvers<null>();
    const holding = bed.locks.run(distributor_id, () => held.promise);
    const impatient = new Client(bed.socket, { timeoutMs: 100 });
    await expect(impatient.call('DeleteDistributor', { distributor_id })).rejects.toThrow();
    impatient.close();
    await waitUntil('the call to end', () => tally.under === 0);
    held.resolve(null);
    await holding;
    await bed.locks.idle();
    expect(bed.snapshot()).toEqual(before);
  });

  test.each([30, 45])('a client may have a deadline that is %d days away', async (days) => {
    await start({});
    const session = connectHttp2(`http://127.0.0.1:${bed.listening.insecure?.port ?? 0}`);
    closers.push(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${serviceName}/WatchDistributors`,
      'content-type': 'application/grpc',
      'grpc-timeout': `${days * 24}H`,
    });
    stream.on('error', () => undefined);
    let bytes = 0;
    stream.on('data', ({ length }: Buffer) => (bytes += length));
    stream.end(Buffer.alloc(5));
    await waitUntil('it to begin', () => bytes > 0);
    const before = bytes;
    await bed.client.call('CreateDistributor', { load_balancer: loadBalancer });
    await waitUntil('it to go on', () => bytes > before);
    expect(tally.under).toBe(1);
  });

  test('a request that never comes does not hold a call', async () => {
    await start({ limits: { callTimeoutSeconds: 1 } });
    const slow = connectHttp2(`http://127.0.0.1:${bed.listening.insecure?.port ?? 0}`);
    closers.push(() => slow.destroy());
    for (const method of ['ListDistributors', 'WatchDistributors']) {
      const stream = slow.request({
        ':method': 'POST',
        ':path': `/${serviceName}/${method}`,
        'content-type': 'application/grpc',
      });
      stream.write(Buffer.alloc(3));
      const [answer] = (await once(stream, 'response')) as [Record<string, unknown>];
      expect(answer['grpc-status']).toBe('4');
    }
    expect(tally.under).toBe(0);
  });
});

describe('an answer that nobody reads', () => {
  /** Of a client that takes no byte of it, and whose own deadline passes at once. */
  function askUnread(method: string) {
    const session = connectHttp2(`http://127.0.0.1:${bed.listening.insecure?.port ?? 0}`, {
      settings: { initialWindowSize: 0 },
    });
    closers.push(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${serviceName}/${method}`,
      'content-type': 'application/grpc',
      'grpc-timeout': '50m',
    });
    stream.on('error', () => undefined);
    stream.end(Buffer.alloc(5));
    return stream;
  }

  test.each([
    ['ListDistributors', 'TOO_MANY_CALLS'],
    ['WatchDistributors', 'TOO_MANY_WATCHES'],
  ] as const)('of %s keeps its share until it is given up', async (method, refusal) => {
    await start({
      limits: {
        callTimeoutSeconds: 1,
        maxConcurrentCalls: { overall: 400, perClient: 2, perConnection: 100 },
        watches: { overall: 128, perClient: 1 },
      },
    });
    await bed.client.call('CreateDistributor', { load_balancer: loadBalancer });
    const follow = bed.board.onChange.bind(bed.board);
    let followers = 0;
    bed.board.onChange = (listener) => {
      followers++;
      const end = follow(listener);
      return () => {
        followers--;
        end();
      };
    };
    const before = tally.ends.length;
    const unread = method === 'WatchDistributors' ? [method] : [method, method];
    const streams = unread.map(askUnread);
    await waitUntil('all to have ended', () => tally.ends.length === before + unread.length);
    const again = () =>
      method === 'WatchDistributors'
        ? firstOf(other().stream(method, {}))
        : outcomeOf(other().call(method, {}));
    expect(await again()).toBe(refusal);
    expect(followers).toBe(0);
    await waitUntil('them to be given up', () => streams.every(({ closed }) => closed));
    expect(await again()).toBe('OK');
  });
});

test('a stream of requests that falls silent is ended', async () => {
  await start({ limits: { callTimeoutSeconds: 1 } });
  const session = connectHttp2(`http://127.0.0.1:${bed.listening.insecure?.port ?? 0}`);
  closers.push(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${serviceName}/ImportState`,
    'content-type': 'application/grpc',
  });
  stream.on('error', () => undefined);
  stream.write(Buffer.from([0, 0, 0, 0, 2, 0x0a, 0])); // options
  const [answer] = (await once(stream, 'response')) as [Record<string, unknown>];
  expect(answer['grpc-status']).toBe('4');
  expect(tally.refusals.get('timeout')).toBe(1);
});

test('every call is counted from its start to its end', async () => {
  await start({});
  await bed.client.call('ListDistributors', {});
  await outcomeOf(bed.client.call('GetDistributor', { distributor_id: 'x' }));
  const watch = bed.client.stream('WatchDistributors', {});
  await watch.next();
  await watch.return();
  await waitUntil('all to end', () => tally.ends.length === 3 && tally.under === 0);
  expect(
    tally.ends.map(({ method, code, streaming }) => [method.split('/')[2], code, streaming]),
  ).toEqual([
    ['ListDistributors', 'OK', false],
    ['GetDistributor', 'INVALID_ARGUMENT', false],
    ['WatchDistributors', 'CANCELLED', true],
  ]);
});
