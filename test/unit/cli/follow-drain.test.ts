// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, test } from 'vitest';
import type { DrainStatus__Output as DrainStatus } from '../../../build/proto/distributor/v1/DrainStatus.ts';
import type { WatchDrainResponse } from '../../../build/proto/distributor/v1/WatchDrainResponse.ts';
import { Client } from '../../../src/cli/client.ts';
import { drainDisplay } from '../../../src/cli/drain-display.ts';
import { followDrain } from '../../../src/cli/follow-drain.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { fakeOutput, type FakeOutput } from './fake-screen.ts';
import { connections, drain } from './messages.ts';
import { ScriptedDaemon, type Scene } from './scripted-daemon.ts';

let daemon: ScriptedDaemon;
let client: Client;
const interrupt = { controller: new AbortController() };
afterEach(async () => {
  client.close();
  await daemon.stop();
});

interface Following {
  readonly scenes: readonly Scene<WatchDrainResponse>[];
  readonly output?: FakeOutput;
  readonly begun?: readonly DrainStatus[];
  readonly patienceMs?: number;
}

async function follow({ scenes, patienceMs, ...rest }: Following): Promise<number> {
  const { output = fakeOutput(), begun = [drain('a1')] } = rest;
  daemon = await ScriptedDaemon.start({ drains: scenes });
  client = new Client(daemon.socket);
  interrupt.controller = new AbortController();
  return followDrain(
    { distributor_id: 'd1', drains: begun },
    {
      client,
      display: drainDisplay(output),
      signal: interrupt.controller.signal,
      ...(patienceMs === undefined ? {} : { patienceMs }),
    },
  );
}

const counted = (id: string, tcp: number) => drain(id, { remaining: connections({ tcp }) });
const ended = (id: string, end: 'DRAINED' | 'DEADLINE_PASSED' | 'CANCELLED' | 'UNREGISTERED') =>
  drain(id, { state: `DRAIN_STATE_${end}`, remaining: connections() });
const all = (...drains: DrainStatus[]) => ({ drains });
const drained = all(ended('a1', 'DRAINED'));

describe('the exit status says how drains ended', () => {
  test.each([
    ['drained', [ended('a1', 'DRAINED'), ended('a2', 'DRAINED')], 0],
    ['a deadline passed', [ended('a1', 'DRAINED'), ended('a2', 'DEADLINE_PASSED')], 3],
    ['one cancelled', [ended('a1', 'CANCELLED'), ended('a2', 'DRAINED')], 4],
    ['one unregistered', [ended('a1', 'UNREGISTERED'), ended('a2', 'DEADLINE_PASSED')], 4],
  ])('%s', async (_, last, status) => {
    const responses = [all(counted('a1', 1), counted('a2', 2)), all(...last)];
    const begun = [drain('a1'), drain('a2')];
    expect(await follow({ scenes: [{ responses, then: 'end' }], begun })).toBe(status);
    expect(daemon.drainRequests).toEqual([{ distributor_id: 'd1', amphora_ids: ['a1', 'a2'] }]);
  });

  test('drains that were over when asked', async () => {
    const begun = [ended('a1', 'DRAINED')];
    expect(await follow({ scenes: [{ responses: [drained], then: 'end' }], begun })).toBe(0);
    expect(daemon.drainRequests).toEqual([{ distributor_id: 'd1', amphora_ids: ['a1'] }]);
  });

  test('a response that leaves out what is over already', async () => {
    const responses = [
      all(ended('a1', 'CANCELLED'), counted('a2', 1)),
      all(ended('a2', 'DRAINED')),
    ];
    const begun = [drain('a1'), drain('a2')];
    expect(await follow({ scenes: [{ responses, then: 'end' }], begun })).toBe(4);
  });
});

const ticks = [
  all(counted('a1', 2)),
  all({ ...counted('a1', 2), packets: 9, interval_ms: 1000, unsettled_slots: 3 }),
  all(counted('a1', 1)),
  drained,
];

test('a pipe gets a line for each change of what remains, then a table; no control characters', async () => {
  const output = fakeOutput();
  await follow({ scenes: [{ responses: ticks, then: 'end' }], output });
  expect(output.out.lines).toEqual([
    expect.stringMatching(/^\d\d:\d\d:\d\d {2}a1: not counted yet/),
    expect.stringMatching(/^\d\d:\d\d:\d\d {2}a1: 2 left \(tcp 2\)/),
    expect.stringMatching(/^\d\d:\d\d:\d\d {2}a1: 1 left \(tcp 1\)/),
    expect.stringMatching(/^\d\d:\d\d:\d\d {2}a1: drained$/),
    expect.stringMatching(/^AMPHORA +STATE/),
    expect.stringMatching(/^a1 +DRAINED/),
  ]);
  expect(output.out.text).not.toMatch(/[^\n -~]/);
  expect(output.err.text).toBe('');
});

test('a terminal gets one line that is drawn over and cut to its width, then a table', async () => {
  const output = fakeOutput({ columns: 24 });
  await follow({ scenes: [{ responses: ticks, then: 'end' }], output });
  const [before, ...drawn] = output.out.text.split('\r\u001b[K');
  const table = drawn.pop() ?? '';
  // On a slow machine the same is drawn again after a second.
  const frames = drawn.filter((frame, index) => frame !== drawn[index - 1]);
  expect(before).toBe('');
  expect(frames).toEqual([
    'a1: not counted yet',
    'a1: 2 left (tcp 2)',
    'a1: 2 left (tcp 2), 9 p…',
    'a1: 1 left (tcp 1)',
    '1 of 1 done',
  ]);
  expect(table.split('\n')).toEqual([
    expect.stringMatching(/^AMPHORA +STATE/),
    expect.stringMatching(/^a1 +DRAINED/),
    '',
  ]);
});

test('a terminal that does not know its width has 80 columns', async () => {
  const output = fakeOutput({ columns: 0 });
  const long = counted('a'.repeat(255), 1);
  await follow({
    scenes: [{ responses: [all({ ...long, state: 'DRAIN_STATE_DRAINED' })], then: 'end' }],
    begun: [long],
    output,
  });
  expect(output.out.text.split('\r\u001b[K')[1]).toBe(`${'a'.repeat(79)}…`);
});

test('--json is each response in a line', async () => {
  const output = fakeOutput({ columns: 80, json: true });
  await follow({ scenes: [{ responses: ticks, then: 'end' }], output });
  const told = output.out.lines.map((line) => JSON.parse(line) as WatchDrainResponse);
  expect(told).toMatchObject(ticks);
});

describe('a connection that is lost', () => {
  test.each([
    ['by an error', 'lost'],
    ['by an end that comes too early', 'end'],
  ])('%s is made again, for what is not over', async (_, then) => {
    const output = fakeOutput();
    const status = await follow({
      scenes: [
        { responses: [all(ended('a1', 'DRAINED'), counted('a2', 5))], then },
        { then },
        { responses: [all(ended('a2', 'DRAINED'))], then: 'end' },
      ],
      begun: [drain('a1'), drain('a2')],
      output,
    });
    expect(status).toBe(0);
    expect(daemon.drainRequests.map(({ amphora_ids }) => amphora_ids)).toEqual([
      ['a1', 'a2'],
      ['a2'],
      ['a2'],
    ]);
    expect(output.err.lines).toEqual([
      expect.stringMatching(/^distributorctl: trying again: ./),
      'distributorctl: connected again',
    ]);
  });

  test('with the daemon is made again when it is back', async () => {
    const output = fakeOutput({ columns: 80 });
    const ending = follow({
      scenes: [
        { responses: [all(counted('a1', 5))], then: 'hold' },
        { responses: [drained], then: 'end' },
      ],
      output,
    });
    await waitUntil('the count to be shown', () => output.out.text.includes('5 left'));
    daemon.vanish();
    await waitUntil('the loss to be told', () => output.err.text.includes('trying again'));
    await daemon.listen();
    expect(await ending).toBe(0);
  });

  test('is given up in the end', async () => {
    const scenes: Scene<WatchDrainResponse>[] = [
      { responses: [all(counted('a1', 5))], then: 'lost' },
      { then: 'lost' },
    ];
    await expect(follow({ scenes, patienceMs: 150 })).rejects.toMatchObject({
      name: 'CallError',
      reason: null,
    });
    expect(daemon.drainRequests.length).toBeGreaterThan(1);
  });

  test('is given up too if the daemon answers but tells nothing', async () => {
    const output = fakeOutput();
    expect(await follow({ scenes: [{ then: 'end' }], patienceMs: 150, output })).toBe(1);
    expect(output.err.text).toMatch(/tells nothing more/);
  });
});

test('a refusal is final, and leaves no half line', async () => {
  const output = fakeOutput({ columns: 80 });
  const scenes = [{ responses: [all(counted('a1', 5))], then: 'DISTRIBUTOR_NOT_FOUND' }];
  await expect(follow({ scenes, output })).rejects.toMatchObject({
    reason: 'DISTRIBUTOR_NOT_FOUND',
  });
  expect(daemon.drainRequests).toHaveLength(1);
  expect(output.out.text.endsWith('\r\u001b[K')).toBe(true);
});

test.each([
  ['text', false, 'distributorctl: the drain goes on; drain --wait watches it again\n'],
  ['JSON', true, '{"message":"the drain goes on; drain --wait watches it again"}\n'],
])('an interruption leaves the drain alone and says so, in %s', async (_, json, message) => {
  const output = fakeOutput({ json });
  const ending = follow({
    scenes: [{ responses: [all(counted('a1', 5))], then: 'hold' }],
    output,
  });
  await waitUntil('the count to be shown', () => /5 left|"tcp":5/.test(output.out.text));
  interrupt.controller.abort();
  expect(await ending).toBe(130);
  expect(output.err.text).toBe(message);
  await waitUntil('the call to be cancelled', () => daemon.cancelled === 1);
});
