// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Datapath } from '../datapath/datapath.ts';
import { DistributordError } from '../errors.ts';
import type { EndOfDrain } from '../model/amphora.ts';
import {
  addVip,
  parseName,
  parseUuid,
  removeVip,
  type Distributor,
  type LoadBalancer,
} from '../model/distributor.ts';
import { parseAddress } from '../model/ip.ts';
import { parseTableSize, type TableLimits } from '../model/table-size.ts';
import {
  findPort,
  parseVip,
  parseVlanIds,
  vipKey,
  type PortName,
  type Vip,
  type VipRequest,
} from '../model/vip.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import type { Store } from '../store/store.ts';
import {
  defaultDrain,
  drainFlow,
  failoverFlow,
  finishDrainFlow,
  registerFlow,
  unregisterFlow,
  weightsFlow,
  type AmphoraFlowParts,
  type DrainRequest,
} from './amphora-flows.ts';
import { DistributorChanges } from './distributor-changes.ts';
import { flow, task, type Flow } from './flow.ts';

export interface DriverParts {
  readonly store: Store;
  readonly reconciler: Reconciler;
  readonly datapath: Datapath;
  readonly limits: TableLimits;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What a caller may ask of a new distributor's table, which is a function of both. */
export interface NewDistributor {
  /** null = made here. */
  readonly id: string | null;
  /** Slots; 0 = as configured. */
  readonly tableSize: number;
}

const plainNew: NewDistributor = { id: null, tableSize: 0 };

interface OnDistributor {
  readonly distributor_id: string;
}

/**
 * Octavia's distributor driver contract: seven verbs, each a flow, and three of our own. Names of flows, inputs
 * and outputs are the contract's; values of a flow's own are named `<flow>.<value>`. While
 * a flow runs nothing else may change its distributor (see KeyedLock).
 */
export class DistributorDriver {
  readonly #parts: DriverParts;
  readonly #changes: DistributorChanges;
  readonly #amphoraParts: AmphoraFlowParts;

  constructor(parts: DriverParts) {
    this.#parts = parts;
    this.#changes = new DistributorChanges(parts.store, parts.reconciler);
    this.#amphoraParts = { ...parts, changes: this.#changes };
  }

  /**
   * Requires load_balancer; provides distributor_id. Once for each load balancer. The id is
   * made when the flow runs, unless one is given.
   */
  getCreateDistributorSubflow({ id: givenId, tableSize }: NewDistributor = plainNew): Flow {
    const { store, limits } = this.#parts;
    return flow(
      'create-distributor',
      task<{ load_balancer: LoadBalancer }, OnDistributor>({
        name: 'generate-distributor-id',
        requires: ['load_balancer'],
        provides: ['distributor_id'],
        execute: ({ load_balancer }) => {
          const id = parseUuid(load_balancer.id, 'load_balancer.id');
          return { distributor_id: this.#chooseId(id, givenId) };
        },
      }),
      this.#changes.record<OnDistributor & { load_balancer: LoadBalancer }>({
        name: 'record-distributor',
        change: 'create-distributor.change',
        requires: ['distributor_id', 'load_balancer'],
        compute: ({ distributor_id: id, load_balancer }) => {
          const before = store.get(id)?.distributor ?? null;
          const created: Distributor = {
            id,
            loadBalancer: {
              id: parseUuid(load_balancer.id, 'load_balancer.id'),
              name: parseName(load_balancer.name, 'load_balancer.name'),
            },
            vips: [],
            amphorae: [],
            tableSize: parseTableSize(tableSize, limits),
            nextPosition: 0,
          };
          return { id, before, after: before ?? created };
        },
      }),
      this.#changes.apply({ name: 'create-table', change: 'create-distributor.change' }),
    );
  }

  /** Requires distributor_id. Refuses one that has VIPs, unless told to cascade. */
  getDeleteDistributorSubflow({ cascade }: { readonly cascade: boolean }): Flow {
    const { store } = this.#parts;
    return flow(
      'delete-distributor',
      this.#changes.record<OnDistributor>({
        name: 'record-deletion',
        change: 'delete-distributor.change',
        requires: ['distributor_id'],
        compute: ({ distributor_id }) => {
          const id = parseUuid(distributor_id, 'distributor_id');
          const before = store.get(id)?.distributor ?? null;
          if (before !== null && before.vips.length > 0 && !cascade)
            throw new DistributordError(
              'DISTRIBUTOR_HAS_VIPS',
              `distributor_id ${id} still has ${before.vips.length} VIPs`,
              { field: 'distributor_id', value: id },
            );
          return { id, before, after: null };
        },
      }),
      this.#changes.apply({ name: 'drop-table', change: 'delete-distributor.change' }),
    );
  }

  /** Requires distributor_id, vip, vip_alg and vip_persistence; the last two may be null. */
  getAddVipSubflow(): Flow {
    const { datapath } = this.#parts;
    interface Parsed {
      readonly 'add-vip.vip': Vip;
    }
    return flow(
      'add-vip',
      task<{ vip: VipRequest; vip_alg: string | null; vip_persistence: string | null }, Parsed>({
        name: 'check-vip',
        requires: ['vip', 'vip_alg', 'vip_persistence'],
        provides: ['add-vip.vip'],
        execute: ({ vip, vip_alg, vip_persistence }) => ({
          'add-vip.vip': parseVip(vip, {
            algorithm: vip_alg,
            persistence: vip_persistence,
            ports: datapath.ports(),
          }),
        }),
      }),
      this.#changes.record<OnDistributor & Parsed>({
        name: 'record-vip',
        change: 'add-vip.change',
        requires: ['distributor_id', 'add-vip.vip'],
        compute: (inputs) =>
          this.#changes.of(inputs.distributor_id, (before) =>
            addVip(before, inputs['add-vip.vip']),
          ),
      }),
      this.#changes.apply({ name: 'plug-vip', change: 'add-vip.change' }),
    );
  }

  /** Requires distributor_id and vip. */
  getRemoveVipSubflow(): Flow {
    return flow(
      'remove-vip',
      this.#changes.record<OnDistributor & { vip: VipRequest }>({
        name: 'record-removal',
        change: 'remove-vip.change',
        requires: ['distributor_id', 'vip'],
        compute: ({ distributor_id, vip }) =>
          this.#changes.of(distributor_id, (before) => {
            const key = this.#selectVip(before, vip);
            return key === null ? before : removeVip(before, key);
          }),
      }),
      this.#changes.apply({ name: 'unplug-vip', change: 'remove-vip.change' }),
    );
  }

  /** Requires distributor_id and amphorae; provides registered_amphorae, the full list. */
  getRegisterAmphoraeSubflow(): Flow {
    return registerFlow(this.#amphoraParts);
  }

  /** Requires distributor_id and amphorae; provides drained_amphorae, those named. */
  getDrainAmphoraeSubflow(request: DrainRequest = defaultDrain): Flow {
    return drainFlow(this.#amphoraParts, request);
  }

  /** Requires distributor_id and amphorae; provides remaining_amphorae, the full list. */
  getUnregisterAmphoraeSubflow({ failed } = { failed: false }): Flow {
    return unregisterFlow(this.#amphoraParts, { failed });
  }

  /** Requires distributor_id and weights. */
  getSetWeightsSubflow({ force }: { readonly force: boolean }): Flow {
    return weightsFlow(this.#amphoraParts, { force });
  }

  /** Requires distributor_id and amphora_id, which has failed. */
  getFailoverAmphoraSubflow(): Flow {
    return failoverFlow(this.#amphoraParts);
  }

  /** Requires distributor_id. The end of a drain that is over. */
  getFinishDrainSubflow(end: EndOfDrain): Flow {
    return finishDrainFlow(this.#amphoraParts, end);
  }

  /** @throws DISTRIBUTOR_EXISTS */
  #chooseId(loadBalancerId: string, givenId: string | null): string {
    const { store } = this.#parts;
    const existing = store.findByLoadBalancer(loadBalancerId)?.distributor.id ?? null;
    if (givenId === null) return existing ?? randomUUID();
    const id = parseUuid(givenId, 'distributor_id');
    const holder = store.get(id)?.distributor.loadBalancer.id ?? loadBalancerId;
    if ((existing ?? id) === id && holder === loadBalancerId) return id;
    throw new DistributordError(
      'DISTRIBUTOR_EXISTS',
      existing !== null && existing !== id
        ? `load balancer ${loadBalancerId} has distributor ${existing}, not distributor_id ${id}`
        : `distributor_id ${id} is that of load balancer ${holder}`,
      { field: 'distributor_id', value: id },
    );
  }

  /** A port named by interface need not exist any more: its VIP can still be removed. */
  #interfaceOf(port: PortName): string {
    return 'interface' in port ? port.interface : findPort(port, this.#parts.datapath.ports()).name;
  }

  /** The key of the VIP that a request names, or null if the distributor has none such. */
  #selectVip(distributor: Distributor, request: VipRequest): string | null {
    const address = parseAddress(request.address, 'vip.address');
    const { attachment } = request;
    const port = attachment === null ? null : this.#interfaceOf(attachment.port);
    const vlanIds = parseVlanIds(attachment?.vlanIds ?? []).join();
    const found = distributor.vips.filter(
      (vip) =>
        vip.address === address &&
        (port === null || (vip.interface === port && vip.vlanIds.join() === vlanIds)),
    );
    if (found.length > 1)
      throw new DistributordError(
        'VIP_AMBIGUOUS',
        `vip.address ${address} is on ${found.length} attachments of distributor ${distributor.id}`,
        { field: 'vip.attachment', value: '' },
      );
    const [vip] = found;
    return vip === undefined ? null : vipKey(vip);
  }
}
