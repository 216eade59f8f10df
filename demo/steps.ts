// SPDX-License-Identifier: Apache-2.0
import type { DrainProgress } from './drain-progress.ts';
import type { StepResult } from './ledger.ts';
import type { Scenario } from './scenario.ts';

/** Weights of the amphorae that are there from the start; two come later. */
export const initialWeights = [1, 1, 1, 2];
export const amphorae = 6;

export interface Step extends StepResult {
  readonly drain?: readonly DrainProgress[];
}

/** Everything that operators do to a running distributor, in an order that is hard on it. */
export async function* runSteps(scenario: Scenario): AsyncGenerator<Step> {
  yield await scenario.drain('drain amphora-2', 'amphora-2');
  yield await scenario.register('register amphora-5', 'amphora-5');
  yield await scenario.unregister('unregister amphora-2', 'amphora-2');
  yield await scenario.drain('drain amphora-1', 'amphora-1');
  yield await scenario.drain('drain amphora-3 before that settles', 'amphora-3');
  yield await scenario.register('register amphora-1: cancel its drain', 'amphora-1');
  yield await scenario.standBy('register amphora-6 as a standby', 'amphora-6');
  const failover = 'failover amphora-4: amphora-6 takes over';
  yield await scenario.failover(failover, 'amphora-4', 'amphora-6');
  yield await scenario.leave('clients leave amphora-3, it is drained', 'amphora-3');
}
