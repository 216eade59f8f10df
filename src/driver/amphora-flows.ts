// SPDX-License-Identifier: Apache-2.0
// The flows that change a distributor's amphorae.
import type { Datapath } from '../datapath/datapath.ts';
import type { Amphora, AmphoraRequest, EndOfDrain, IsReady } from '../model/amphora.ts';
import type { Distributor } from '../model/distributor.ts';
import { drainAmphorae, finishDrain, type DrainOptions } from '../model/drain.ts';
import { failoverAmphora, unregisterAmphorae } from '../model/failover.ts';
import { registerAmphorae } from '../model/registration.ts';
import type { TableLimits } from '../model/table-size.ts';
import { setWeights, type WeightRequest } from '../model/weights.ts';
import { macOf } from '../plan/wanted.ts';
import type { Change } from './change-tasks.ts';
import type { DistributorChanges } from './distributor-changes.ts';
import { flow, task, type Flow } from './flow.ts';

export interface AmphoraFlowParts {
  readonly changes: DistributorChanges;
  readonly datapath: Datapath;
  readonly limits: TableLimits;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface OnDistributor {
  readonly distributor_id: string;
}

interface WithAmphorae extends OnDistributor {
  readonly amphorae: readonly { readonly id: string }[];
}

export type DrainRequest = Omit<DrainOptions, 'now' | 'isReady'>;

export const defaultDrain: DrainRequest = { deadline: null, then: null, force: false };

export function registerFlow({ changes, datapath, limits, now }: AmphoraFlowParts): Flow {
  return flow(
    'register-amphorae',
    changes.record<OnDistributor & { amphorae: readonly AmphoraRequest[] }>({
      name: 'record-registration',
      change: 'register-amphorae.change',
      requires: ['distributor_id', 'amphorae'],
      compute: ({ distributor_id, amphorae }) =>
        changes.of(distributor_id, (before) =>
          registerAmphorae(before, amphorae, {
            ...{ limits, now: now() },
            isReady: readiness(datapath, before),
          }),
        ),
    }),
    changes.apply({ name: 'assign-slots', change: 'register-amphorae.change' }),
    changes.list({
      name: 'list-registered',
      change: 'register-amphorae.change',
      provides: 'registered_amphorae',
    }),
  );
}

export function drainFlow(
  { changes, datapath, now }: AmphoraFlowParts,
  request: DrainRequest,
): Flow {
  interface Done extends WithAmphorae {
    readonly 'drain-amphorae.change': Change;
  }
  return flow(
    'drain-amphorae',
    changes.record<WithAmphorae>({
      name: 'record-drain',
      change: 'drain-amphorae.change',
      requires: ['distributor_id', 'amphorae'],
      compute: ({ distributor_id, amphorae }) =>
        changes.of(distributor_id, (before) =>
          drainAmphorae(before, idsOf(amphorae), {
            ...{ ...request, now: now() },
            isReady: readiness(datapath, before),
          }),
        ),
    }),
    changes.apply({ name: 'withdraw-slots', change: 'drain-amphorae.change' }),
    task<Done, { readonly drained_amphorae: readonly Amphora[] }>({
      name: 'list-drained',
      requires: ['amphorae', 'drain-amphorae.change'],
      provides: ['drained_amphorae'],
      execute(inputs) {
        const named = new Set(idsOf(inputs.amphorae));
        const after = inputs['drain-amphorae.change'].after?.amphorae ?? [];
        return { drained_amphorae: after.filter(({ id }) => named.has(id)) };
      },
    }),
  );
}

export function unregisterFlow(
  { changes, datapath }: AmphoraFlowParts,
  { failed }: { readonly failed: boolean },
): Flow {
  return flow(
    'unregister-amphorae',
    changes.record<WithAmphorae>({
      name: 'record-unregistration',
      change: 'unregister-amphorae.change',
      requires: ['distributor_id', 'amphorae'],
      compute: ({ distributor_id, amphorae }) =>
        changes.of(distributor_id, (before) =>
          unregisterAmphorae(before, idsOf(amphorae), {
            failed,
            isReady: readiness(datapath, before),
          }),
        ),
    }),
    changes.apply({ name: 'retire-positions', change: 'unregister-amphorae.change' }),
    changes.list({
      name: 'list-remaining',
      change: 'unregister-amphorae.change',
      provides: 'remaining_amphorae',
    }),
  );
}

export function weightsFlow(
  { changes, datapath, now }: AmphoraFlowParts,
  { force }: { readonly force: boolean },
): Flow {
  return flow(
    'set-weights',
    changes.record<OnDistributor & { weights: readonly WeightRequest[] }>({
      name: 'record-weights',
      change: 'set-weights.change',
      requires: ['distributor_id', 'weights'],
      compute: ({ distributor_id, weights }) =>
        changes.of(distributor_id, (before) =>
          setWeights(before, weights, {
            ...{ force, now: now() },
            isReady: readiness(datapath, before),
          }),
        ),
    }),
    changes.apply({ name: 'assign-weighted-slots', change: 'set-weights.change' }),
  );
}

export function failoverFlow({ changes, datapath }: AmphoraFlowParts): Flow {
  return flow(
    'failover-amphora',
    changes.record<OnDistributor & { amphora_id: string }>({
      name: 'record-failover',
      change: 'failover-amphora.change',
      requires: ['distributor_id', 'amphora_id'],
      compute: ({ distributor_id, amphora_id }) =>
        changes.of(distributor_id, (before) =>
          failoverAmphora(before, amphora_id, readiness(datapath, before)),
        ),
    }),
    changes.apply({ name: 'hand-over-position', change: 'failover-amphora.change' }),
  );
}

export function finishDrainFlow({ changes, now }: AmphoraFlowParts, end: EndOfDrain): Flow {
  return flow(
    'finish-drain',
    changes.record<OnDistributor>({
      name: 'record-end-of-drain',
      change: 'finish-drain.change',
      requires: ['distributor_id'],
      compute: ({ distributor_id }) =>
        changes.of(distributor_id, (before) => finishDrain(before, end, now())),
    }),
    changes.apply({ name: 'retire-drained', change: 'finish-drain.change' }),
  );
}

function idsOf(amphorae: readonly { readonly id: string }[]): readonly string[] {
  return amphorae.map(({ id }) => id);
}

function readiness(datapath: Datapath, distributor: Distributor): IsReady {
  return (standby) =>
    macOf(distributor, standby, {
      resolved: (neighbour) => datapath.resolvedMac(neighbour),
      port: (name) => datapath.port(name),
    }) !== null;
}
