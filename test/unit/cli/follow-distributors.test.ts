// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, test } from 'vitest';
import type { WatchDistributorsResponse } from '../../../build/proto/distributor/v1/WatchDistributorsResponse.ts';
import { Client } from '../../../src/cli/client.ts';
import { followDistributors } from '../../../src/cli/follow-distributors.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { fakeOutput } from './fake-screen.ts';
import { condition, distributor } from './messages.ts';
import { ScriptedDaemon, type Scene } from './scripted-daemon.ts';

let daemon: ScriptedDaemon;
let client: Client;
let interrupt: AbortController;
afterEach(async () => {
  client.close();
  await daemon.stop();
});

async function start(
  scenes: readonly Scene<WatchDistributorsResponse>[],
  output = fakeOutput(),
): Promise<{ output: typeof output; ending: Promise<number> }> {
  daemon = await ScriptedDaemon.start({ distributors: scenes });
  client = new Client(daemon.socket);
  interrupt = new AbortController();
  const ending = followDistributors({ client, output, signal: interrupt.signal });
  ending.catch(() => undefined);
  return { output, ending };
}

const changed = (id: string, watch_revision: number): WatchDistributorsResponse => ({
  distributor: distributor(id, { conditions: [condition('NO_AMPHORA')] }),
  watch_revision,
});
const synchronized = (watch_revision: number) => ({ synchronized: true, watch_revision });

test('a line for each change, resumed after the last one seen', async () => {
  const { output, ending } = await start([
    { responses: [changed('d1', 4), changed('d2', 5), synchronized(5)], then: 'lost' },
    { responses: [{ deleted_id: 'd1', watch_revision: 6 }], then: 'end' },
    { responses: [changed('d2', 7)], then: 'hold' },
  ]);
  await waitUntil('all changes', () => output.out.lines.length === 4);
  interrupt.abort();
  expect(await ending).toBe(130);
  expect(daemon.distributorsRequests).toEqual([{ after: 0 }, { after: 5 }, { after: 6 }]);
  expect(output.out.lines).toEqual([
    expect.stringMatching(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}d1 .*ONLINE {2}revision 1 {2}NO_AMPHORA$/,
    ),
    expect.stringMatching(/ d2 /),
    expect.stringMatching(/ d1 {2}lb-of-d1 {2}DELETED$/),
    expect.stringMatching(/ d2 /),
  ]);
  expect(output.err.lines.filter((line) => line.includes('trying again: '))).toHaveLength(2);
});

test('starts over, and says so, when what changed is no longer known', async () => {
  const { output, ending } = await start([
    { responses: [changed('d1', 3), changed('d2', 4)], then: 'lost' },
    { then: 'WATCH_EXPIRED' },
    { responses: [changed('d1', 1), synchronized(1)], then: 'hold' },
  ]);
  await waitUntil('the second start', () => output.out.lines.length === 4);
  expect(output.out.lines.at(-1)).toMatch(/ d2 .*DELETED$/); // lost with the daemon before
  interrupt.abort();
  expect(await ending).toBe(130);
  expect(daemon.distributorsRequests).toEqual([{ after: 0 }, { after: 4 }, { after: 0 }]);
  expect(output.err.text).toMatch(/what changed after watch revision 4 is lost/);
});

test('a daemon that is away for long is found again', async () => {
  const { output, ending } = await start([
    { responses: [changed('d1', 4)], then: 'hold' },
    { responses: [changed('d1', 5)], then: 'hold' },
  ]);
  await waitUntil('a change', () => output.out.lines.length === 1);
  daemon.vanish();
  await waitUntil('the loss to be told', () => output.err.text.includes('trying again'));
  await daemon.listen();
  await waitUntil('a change', () => output.out.lines.length === 2);
  interrupt.abort();
  expect(await ending).toBe(130);
});

test('--json is each response in a line', async () => {
  const responses = [changed('d1', 4), synchronized(4), { deleted_id: 'd1', watch_revision: 5 }];
  const { output, ending } = await start([{ responses, then: 'hold' }], fakeOutput({ json: true }));
  await waitUntil('all changes', () => output.out.lines.length === 3);
  interrupt.abort();
  await ending;
  expect(output.out.lines.map((line): unknown => JSON.parse(line))).toMatchObject(responses);
});

test.each([
  ['a refusal', 'INTERNAL', { reason: 'INTERNAL' }],
  ['WATCH_EXPIRED of a watch from the start', 'WATCH_EXPIRED', { reason: 'WATCH_EXPIRED' }],
  ['a daemon that was never reached', 'lost', { reason: null, connectionLost: true }],
])('%s is final', async (_, then, failure) => {
  const { ending } = await start([{ then }]);
  await expect(ending).rejects.toMatchObject(failure);
  expect(daemon.distributorsRequests).toHaveLength(1);
});
