// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultsOf } from '../../demo/ledger.ts';
import { Scenario, scenarioConfig } from '../../demo/scenario.ts';
import { amphorae, initialWeights, runSteps, type Step } from '../../demo/steps.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';

const clients = 500;
const connections = 150;

let bed: TestBed;
let daemon: DaemonProcess;
let scenario: Scenario;

beforeAll(async () => {
  bed = await createTestBed({ amphorae });
  daemon = await DaemonProcess.start(bed, scenarioConfig);
  scenario = new Scenario(bed, daemon, { clients, connections });
  await scenario.setUp(initialWeights);
});
afterAll(() => bed.remove());

describe('the steps of the demonstration, on real traffic of both families', () => {
  test('clients spread by weight and keep their amphora', async () => {
    for (const { amphora, share, ideal } of scenario.shares())
      expect(Math.abs(share - ideal), amphora).toBeLessThan(0.08);
    expect(await scenario.strayClients()).toBe(0);
  });

  test('no step breaks a connection that need not break', async () => {
    const steps: Step[] = [];
    for await (const step of runSteps(scenario)) steps.push(step);
    const faults = steps.map((step) => [step.name, faultsOf(step, clients * 2)]);
    expect(faults).toEqual(steps.map(({ name }) => [name, []]));
    for (const kind of ['unregister', 'failover'])
      expect(steps.find(({ name }) => name.startsWith(kind))?.expectedBroken).toBeGreaterThan(0);
    expect(steps.at(-1)?.drain?.at(-1)).toMatchObject({ state: 'DRAINED', connections: 0 });
  });

  test('each connection start was counted once, whoever got it', async () => {
    const { vips } = await daemon.client.call('GetStats', {
      distributor_id: scenario.distributorId,
    });
    for (const { packets } of vips) {
      expect(packets['tx_settled']).toBeGreaterThan(0);
      expect(packets['tx_pinned']).toBeGreaterThan(0);
      expect(packets['drop_internal']).toBe(0);
      expect(packets['drop_no_amphora']).toBe(0);
    }
  });
});
