// SPDX-License-Identifier: Apache-2.0
import type { StepResult } from './ledger.ts';
import type { Scenario } from './scenario.ts';

/** Weights of the amphorae that are there from the start; the fifth comes later. */
export const initialWeights = [1, 1, 1, 2];

/** Everything that operators do to a running distributor, in an order that is hard on it. */
export async function* runSteps(scenario: Scenario): AsyncGenerator<StepResult> {
  yield await scenario.drain('drain amphora-2', 'amphora-2');
  yield await scenario.register('register amphora-5', 'amphora-5');
  yield await scenario.unregister('unregister amphora-2', 'amphora-2');
  yield await scenario.drain('drain amphora-1', 'amphora-1');
  yield await scenario.drain('drain amphora-3 before that settles', 'amphora-3');
  yield await scenario.register('register amphora-1: cancel its drain', 'amphora-1');
}
