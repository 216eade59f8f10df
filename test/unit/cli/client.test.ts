// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, test } from 'vitest';
import { CallError, Client } from '../../../src/cli/client.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { connections, drain } from './messages.ts';
import { ScriptedDaemon, type Script } from './scripted-daemon.ts';

let daemon: ScriptedDaemon;
let client: Client;
async function start(script: Script): Promise<void> {
  daemon = await ScriptedDaemon.start(script);
  client = new Client(daemon.socket);
}
afterEach(async () => {
  client.close();
  await daemon.stop();
});

const counted = (tcp: number) => ({ drains: [drain('a1', { remaining: connections({ tcp }) })] });
const watch = (signal: AbortSignal | null = null) =>
  client.stream('WatchDrain', { distributor_id: 'd1', amphora_ids: ['a1'] }, signal);

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('a stream brings all responses, then ends', async () => {
  await start({ drains: [{ responses: [counted(2), counted(1)], then: 'end' }] });
  const all = await collect(watch());
  expect(all.map(({ drains }) => drains[0]?.remaining?.tcp)).toEqual([2, 1]);
  expect(daemon.drainRequests).toEqual([{ distributor_id: 'd1', amphora_ids: ['a1'] }]);
});

test('a refusal comes after what was sent before it', async () => {
  await start({ drains: [{ responses: [counted(2)], then: 'DRAIN_NOT_FOUND' }] });
  const stream = watch();
  expect(await stream.next()).toMatchObject({ done: false });
  const failure = await stream.next().catch((thrown: unknown) => thrown);
  expect(failure).toBeInstanceOf(CallError);
  expect(failure).toMatchObject({
    reason: 'DRAIN_NOT_FOUND',
    code: 'FAILED_PRECONDITION',
    action: 'Do something else.',
    connectionLost: false,
  });
});

test.each(['lost', 'vanish'])('a connection that breaks (%s) says so', async (how) => {
  await start({ drains: [{ responses: [counted(2)], then: how === 'lost' ? 'lost' : 'hold' }] });
  const stream = watch();
  await stream.next();
  if (how === 'vanish') daemon.vanish();
  await expect(stream.next()).rejects.toMatchObject({ reason: null, connectionLost: true });
});

test('a consumer that stops cancels the call', async () => {
  await start({ drains: [{ responses: [counted(2)], then: 'hold' }] });
  for await (const _ of watch()) break;
  await waitUntil('the daemon to see it', () => daemon.cancelled === 1);
});

test('a signal ends a stream that is waiting', async () => {
  await start({ drains: [{ responses: [counted(2)], then: 'hold' }] });
  const controller = new AbortController();
  const stream = watch(controller.signal);
  await stream.next();
  const next = stream.next();
  controller.abort();
  expect(await next).toEqual({ done: true, value: undefined });
  await waitUntil('the daemon to see it', () => daemon.cancelled === 1);
  expect(await collect(watch(controller.signal))).toEqual([]);
});

test('a daemon that hangs is told as that', async () => {
  await start({ calls: { GetStats: () => undefined } });
  const hurried = new Client(daemon.socket, { timeoutMs: 100 });
  const failure = hurried.call('GetStats', { distributor_id: 'd1' });
  await expect(failure).rejects.toThrow(`distributord at ${daemon.socket} did not answer in time`);
  hurried.close();
});
