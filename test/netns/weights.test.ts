// SPDX-License-Identifier: Apache-2.0
// Weights changed while the traffic runs: shares of new connections follow, no connection breaks.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shareFaults } from '../../demo/ledger.ts';
import { Scenario } from '../../demo/scenario.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';

const clients = 1000;
const connections = 150;

let bed: TestBed;
let scenario: Scenario;

beforeAll(async () => {
  bed = await createTestBed({ amphorae: 4 });
  scenario = new Scenario(bed, await DaemonProcess.start(bed), { clients, connections });
  await scenario.setUp([1, 1, 1, 1]);
});
afterAll(() => bed.remove());

test.each([
  { what: 'one more', weights: { 'amphora-1': 4 } },
  { what: 'several at once', weights: { 'amphora-1': 1, 'amphora-2': 256, 'amphora-3': 128 } },
  { what: 'to nothing', weights: { 'amphora-2': 0 } },
  { what: 'from nothing, another to nothing', weights: { 'amphora-2': 64, 'amphora-3': 0 } },
  { what: 'all alike', weights: { 'amphora-2': 1, 'amphora-3': 1 } },
])('$what: $weights', async ({ what, weights }) => {
  const step = await scenario.weigh(what, new Map(Object.entries(weights)));
  expect(step).toMatchObject({ alive: 2 * connections, broken: 0, newToResting: 0 });
  expect(shareFaults(scenario.shares(), 2 * clients)).toEqual([]);
});
