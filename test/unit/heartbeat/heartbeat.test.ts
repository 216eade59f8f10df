// SPDX-License-Identifier: Apache-2.0
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHmac } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import { Heartbeat } from '../../../src/heartbeat/heartbeat.ts';
import type { HeartbeatConfig } from '../../../src/config/heartbeat.ts';
import { waitUntil } from '../../support/wait-until.ts';

const id = '6c9ee1a5-3c5f-4f3b-9d1f-3d1f6f0e8f4b';

/** A health manager, as far as it listens. */
class Listener {
  readonly messages: Record<string, unknown>[] = [];
  readonly #socket: Socket;

  constructor(socket: Socket, key: string) {
    this.#socket = socket;
    socket.on('message', (datagram) => {
      const payload = datagram.subarray(0, -64);
      const digest = createHmac('sha256', key).update(payload).digest('hex');
      expect(datagram.subarray(-64).toString()).toBe(digest);
      this.messages.push(JSON.parse(inflateSync(payload).toString()) as Record<string, unknown>);
    });
  }

  static async start(address: string, key: string): Promise<Listener> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new Listener(socket, key);
  }

  get endpoint(): AddressInfo {
    return this.#socket.address();
  }

  close(): void {
    this.#socket.close();
  }
}

describe('heartbeats', () => {
  const key = 'a key that nobody logs';
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  let directory: string;
  let keyFile: string;
  let listeners: Listener[];
  let heartbeat: Heartbeat;
  let config: HeartbeatConfig;

  beforeEach(async () => {
    vi.clearAllMocks();
    directory = await mkdtemp(join(tmpdir(), 'heartbeat-'));
    keyFile = join(directory, 'key');
    await writeFile(keyFile, `${key}\n`);
    listeners = [await Listener.start('127.0.0.1', key), await Listener.start('::1', key)];
    const controllers = listeners.map(({ endpoint: { address, port } }) => ({ address, port }));
    config = { id, controllers, keyFile, intervalSeconds: 0.02 };
    heartbeat = new Heartbeat({ log, distributors: () => 3 });
  });
  afterEach(async () => {
    heartbeat.close();
    for (const listener of listeners) listener.close();
    await rm(directory, { recursive: true });
  });

  test('are sent to one health manager after the other, with what Octavia reads', async () => {
    await heartbeat.follow(config);
    await waitUntil('beats', () => listeners.every(({ messages }) => messages.length > 1));
    const message = { id, ver: 3, listeners: {}, pools: {}, distributors: 3 };
    // On a busy machine one may overtake another.
    for (const [index, { messages }] of listeners.entries())
      for (const { seq, ...rest } of messages) {
        expect(rest).toEqual(message);
        expect(Number(seq) % listeners.length).toBe(index);
      }
    expect(heartbeat.counts?.failures).toBe(0);
    expect(heartbeat.counts?.sent).toBeGreaterThan(3);
  });

  test('end with a configuration that has none', async () => {
    await heartbeat.follow(config);
    await heartbeat.follow(null);
    expect(heartbeat.counts).toBeNull();
  });

  test('are not begun, and others not ended, without a key', async () => {
    await heartbeat.follow(config);
    const other = { ...config, keyFile: join(directory, 'missing') };
    await expect(heartbeat.follow(other)).rejects.toThrow(/heartbeat.keyFile: ENOENT/);
    const count = listeners[0]?.messages.length ?? 0;
    await waitUntil('more beats', () => (listeners[0]?.messages.length ?? 0) > count);
  });

  test('that cannot be sent are counted, and logged once, without the key', async () => {
    await heartbeat.follow(config);
    await rm(keyFile);
    await waitUntil('failures', () => (heartbeat.counts?.failures ?? 0) > 2);
    expect(log.warn).toHaveBeenCalledTimes(2); // once for each health manager
    await writeFile(keyFile, key);
    await waitUntil('beats again', () => log.info.mock.calls.length > 0);
    expect(JSON.stringify([...log.warn.mock.calls, ...log.info.mock.calls])).not.toContain(key);
  });

  test('to one health manager that fail all the time are logged once, while another gets them', async () => {
    // A broadcast, which the kernel refuses to a socket that has not asked for it.
    const unreachable = { address: '255.255.255.255', port: 9 };
    const [there] = config.controllers;
    if (there === undefined) throw new Error('no listener');
    await heartbeat.follow({ ...config, controllers: [there, unreachable] });
    await waitUntil('failures', () => (heartbeat.counts?.failures ?? 0) > 3);
    expect(listeners[0]?.messages.length).toBeGreaterThan(2);
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(log.info).not.toHaveBeenCalled();
  });
});

describe('their configuration', () => {
  const good = {
    ...{ id, controllers: ['192.0.2.1:5555', '[2001:db8::1]:5555'], keyFile: '/key' },
  };
  const parse = (heartbeat: unknown) => parseConfig(JSON.stringify({ heartbeat }), 'c.yaml');

  test('is off by default', () => {
    expect(parseConfig('', 'c.yaml').heartbeat).toBeNull();
  });

  test('has an interval of 10 s', () => {
    expect(parse(good).heartbeat).toEqual({
      ...good,
      controllers: [
        { address: '192.0.2.1', port: 5555 },
        { address: '2001:db8::1', port: 5555 },
      ],
      intervalSeconds: 10,
    });
  });

  test.each([
    ['id', { id: 'host-1' }],
    ['controllers.0', { controllers: ['controller.example:5555'] }],
    ['controllers.0', { controllers: ['192.0.2.1'] }],
    ['controllers.0', { controllers: ['192.0.2.1:0'] }],
    ['controllers.0', { controllers: ['2001:db8::1:5555'] }],
    ['controllers', { controllers: [] }],
    ['keyFile', { keyFile: 'key' }],
    ['intervalSeconds', { intervalSeconds: 0 }],
    ['key', { key: 'secret' }],
  ])('names %s', (name, changes) => {
    expect(() => parse({ ...good, ...changes })).toThrow(name);
  });
});
