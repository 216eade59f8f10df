// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Distributor } from '../../build/proto/distributor/v1/Distributor.ts';
import type { DistributorServiceHandlers } from '../../build/proto/distributor/v1/DistributorService.ts';
import type { DistributorDriver, NewDistributor } from '../driver/distributor-driver.ts';
import { runFlow } from '../driver/engine.ts';
import type { Flow, Values } from '../driver/flow.ts';
import { DistributordError } from '../errors.ts';
import type { Log } from '../log.ts';
import { parseUuid, type LoadBalancer } from '../model/distributor.ts';
import type { Vip } from '../model/vip.ts';
import type { KeyedLock } from '../reconcile/keyed-lock.ts';
import { Slices } from '../slices.ts';
import type { Store, Stored } from '../store/store.ts';
import { refuseEnded, streaming, unary } from './calls.ts';
import {
  readAmphoraIds,
  readAmphorae,
  readDrain,
  readVip,
  readWeights,
  requirePresent,
} from './requests.ts';
import {
  amphoraStats,
  amphoraStatuses,
  distributorMessage,
  drainStatuses,
  vipStats,
  vipStatus,
  type View,
} from './responses.ts';
import { stateTransfer } from './state-transfer.ts';
import { streamDistributors } from './watch-distributors.ts';
import { DrainStream } from './watch-drain.ts';

export interface ServiceParts extends View {
  readonly driver: DistributorDriver;
  readonly store: Store;
  readonly locks: KeyedLock;
  readonly log: Log;
  /** See StreamParts. */
  readonly stopping: AbortSignal;
}

const defaultPageSize = 100;
const maxPageSize = 1000;

/** The API's methods: each reads its request, runs the driver's flow, and shows the result. */
export function createService(parts: ServiceParts): DistributorServiceHandlers {
  const { driver, store } = parts;

  /** In turn with others that change what `key` names; none for a call that has ended by then. */
  function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    return parts.locks.run(key, () => {
      refuseEnded();
      return work();
    });
  }

  function find(id: string): Stored {
    const uuid = parseUuid(id, 'distributor_id');
    const stored = store.get(uuid);
    if (stored !== undefined) return stored;
    throw new DistributordError('DISTRIBUTOR_NOT_FOUND', `distributor_id ${uuid} is not known`, {
      field: 'distributor_id',
      value: uuid,
    });
  }

  /** Runs a flow on a distributor, and shows the result, while nothing else changes it. */
  async function change<Response>(
    request: { readonly distributor_id: string; readonly expected_revision: number },
    { flow, inputs = {} }: { readonly flow: Flow; readonly inputs?: Values },
    show: (stored: Stored, values: Values) => Response,
  ): Promise<Response> {
    const id = parseUuid(request.distributor_id, 'distributor_id');
    return inTurn(id, async () => {
      requireRevision(store.get(id), request.expected_revision);
      const values = await runFlow(flow, { distributor_id: id, ...inputs });
      return show(find(id), values);
    });
  }

  function create(loadBalancer: LoadBalancer, asked: NewDistributor) {
    const existing = store.findByLoadBalancer(loadBalancer.id)?.distributor.id;
    const id = asked.id ?? existing ?? randomUUID();
    const flow = driver.getCreateDistributorSubflow({ ...asked, id });
    const work = async () => {
      const values = await runFlow(flow, { load_balancer: loadBalancer });
      const distributor_id = values['distributor_id'] as string;
      return { distributor_id, revision: find(distributor_id).revision };
    };
    return inTurn(id, work);
  }

  return {
    CreateDistributor: unary(parts.log, async ({ load_balancer, distributor_id, table_size }) => {
      const given = requirePresent(load_balancer, 'load_balancer');
      const loadBalancer = { ...given, id: parseUuid(given.id, 'load_balancer.id') };
      const id = distributor_id === '' ? null : parseUuid(distributor_id, 'distributor_id');
      return parts.locks.runNew(`load balancer ${loadBalancer.id}`, () => {
        refuseEnded();
        return create(loadBalancer, { id, tableSize: table_size });
      });
    }),

    DeleteDistributor: unary(parts.log, async (request) => {
      const id = parseUuid(request.distributor_id, 'distributor_id');
      const flow = driver.getDeleteDistributorSubflow({ cascade: request.cascade });
      return inTurn(id, async () => {
        requireRevision(store.get(id), request.expected_revision);
        await runFlow(flow, { distributor_id: id });
        return { revision: store.revision };
      });
    }),

    AddVip: unary(parts.log, async (request) => {
      const inputs = {
        vip: readVip(request.vip),
        vip_alg: request._vip_alg === 'vip_alg' ? (request.vip_alg ?? null) : null,
        vip_persistence:
          request._vip_persistence === 'vip_persistence' ? (request.vip_persistence ?? null) : null,
      };
      const flow = driver.getAddVipSubflow();
      return change(request, { flow, inputs }, ({ revision }, values) => ({
        vip: vipStatus(values['add-vip.vip'] as Vip, parts),
        revision,
      }));
    }),

    RemoveVip: unary(parts.log, async (request) => {
      const inputs = { vip: readVip(request.vip) };
      const flow = driver.getRemoveVipSubflow();
      return change(request, { flow, inputs }, ({ revision }) => ({ revision }));
    }),

    RegisterAmphorae: unary(parts.log, async (request) => {
      const inputs = { amphorae: readAmphorae(request.amphorae) };
      const flow = driver.getRegisterAmphoraeSubflow();
      return change(request, { flow, inputs }, ({ distributor, revision }) => ({
        amphorae: amphoraStatuses(distributor, parts),
        revision,
      }));
    }),

    DrainAmphorae: unary(parts.log, async (request) => {
      const inputs = { amphorae: readAmphoraIds(request.amphora_ids) };
      const flow = driver.getDrainAmphoraeSubflow(readDrain(request));
      return change(request, { flow, inputs }, ({ distributor, revision }) => ({
        drains: drainStatuses(distributor.id, request.amphora_ids, parts),
        revision,
      }));
    }),

    UnregisterAmphorae: unary(parts.log, async (request) => {
      const inputs = { amphorae: readAmphoraIds(request.amphora_ids) };
      const flow = driver.getUnregisterAmphoraeSubflow({ failed: request.failed });
      return change(request, { flow, inputs }, ({ distributor, revision }) => ({
        amphorae: amphoraStatuses(distributor, parts),
        revision,
      }));
    }),

    SetWeights: unary(parts.log, async (request) => {
      const inputs = { weights: readWeights(request.weights) };
      const flow = driver.getSetWeightsSubflow({ force: request.force });
      return change(request, { flow, inputs }, ({ distributor, revision }) => ({
        amphorae: amphoraStatuses(distributor, parts),
        revision,
      }));
    }),

    FailoverAmphora: unary(parts.log, async (request) => {
      const inputs = { amphora_id: request.amphora_id };
      const flow = driver.getFailoverAmphoraSubflow();
      return change(request, { flow, inputs }, ({ distributor, revision }) => ({
        amphorae: amphoraStatuses(distributor, parts),
        revision,
      }));
    }),

    GetDistributor: unary(parts.log, ({ distributor_id }) =>
      distributorMessage(find(distributor_id), parts),
    ),

    ListDistributors: unary(parts.log, async ({ page_size, page_token }) => {
      if (page_size > maxPageSize)
        throw new DistributordError(
          'INVALID_ARGUMENT',
          `page_size is more than ${maxPageSize}: ${page_size}`,
          { field: 'page_size', value: page_size },
        );
      const limit = page_size === 0 ? defaultPageSize : page_size;
      const page = store.list({ after: page_token, limit: limit + 1 });
      const shown = page.slice(0, limit);
      const distributors: Distributor[] = [];
      const slices = new Slices();
      for (const stored of shown) {
        distributors.push(distributorMessage(stored, parts));
        await slices.turn();
      }
      return {
        distributors,
        next_page_token: page.length > limit ? (shown.at(-1)?.distributor.id ?? '') : '',
      };
    }),

    GetStats: unary(parts.log, ({ distributor_id }) => {
      const { distributor } = find(distributor_id);
      return {
        vips: vipStats(distributor, parts),
        amphorae: amphoraStats(distributor, parts),
        host_packets: parts.datapath.hostPackets(),
      };
    }),

    WatchDrain: streaming(parts, async (request, outlet) => {
      const id = parseUuid(request.distributor_id, 'distributor_id');
      // When changes that are under way are complete.
      const stream = await inTurn(id, () =>
        Promise.resolve().then(() => new DrainStream(parts.drains, find(id), request)),
      );
      await stream.run(outlet);
    }),

    WatchDistributors: streaming(parts, ({ after }, outlet) => {
      // When a change that is under way is complete: it may be undone.
      const show = (id: string) =>
        inTurn(id, () => {
          const stored = store.get(id);
          return Promise.resolve(stored === undefined ? null : distributorMessage(stored, parts));
        });
      return streamDistributors(parts.board, { after, show }, outlet);
    }),

    ...stateTransfer(parts),
  };
}

function requireRevision(stored: Stored | undefined, expected: number): void {
  if (expected === 0 || stored?.revision === expected) return;
  throw new DistributordError(
    'REVISION_MISMATCH',
    `expected_revision is ${expected}, the distributor has ${stored?.revision ?? 'none'}`,
    { field: 'expected_revision', value: expected },
  );
}
