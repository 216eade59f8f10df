// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DistributorDriver } from '../../../src/driver/distributor-driver.ts';
import { runFlow } from '../../../src/driver/engine.ts';
import {
  flow,
  requiresOf,
  task,
  tasksOf,
  type Flow,
  type Values,
} from '../../../src/driver/flow.ts';
import type { Distributor } from '../../../src/model/distributor.ts';
import type { Operation } from '../../../src/plan/operation.ts';
import { Reconciler } from '../../../src/reconcile/reconciler.ts';
import { MemoryStore } from '../../../src/store/memory-store.ts';
import { MemoryDatapath } from './memory-datapath.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const loadBalancer = { id: '00000000-0000-4000-8000-000000000001', name: 'lb' };
const vip = (address: string) => ({
  address,
  attachment: { port: { interface: 'eth0' }, vlanIds: [] },
  subnet: null,
  gateway: null,
  tracking: 'ADAPTIVE' as const,
  tcpIdle: 0,
  otherIdle: 0,
});
const amphora = (n: number, mac: string | null = `02:00:00:00:01:0${n}`) => ({
  id: `a${n}`,
  ip: `10.0.0.1${n}`,
  mac,
  weight: null,
  position: null,
  role: null,
});

let datapath: MemoryDatapath;
let store: MemoryStore;
let reconciler: Reconciler;
let driver: DistributorDriver;
let id: string;

/** A distributor with a VIP, two amphorae, one of them draining, and a standby. */
beforeEach(async () => {
  datapath = new MemoryDatapath();
  store = new MemoryStore();
  const timeouts = { tcpIdle: 900, otherIdle: 60 };
  reconciler = new Reconciler(datapath, { log: silent, timeouts });
  const limits = { initialSlots: 1024, maxSlots: 4096 };
  driver = new DistributorDriver({
    ...{ store, reconciler, datapath, limits },
    now: () => 1_000_000,
  });
  const created = await runFlow(driver.getCreateDistributorSubflow(), {
    load_balancer: loadBalancer,
  });
  id = created['distributor_id'] as string;
  await runFlow(driver.getAddVipSubflow(), onDistributor({ ...defaults, vip: vip('10.0.0.100') }));
  const amphorae = [amphora(1), amphora(2), { ...amphora(9), role: 'STANDBY' as const }];
  await runFlow(driver.getRegisterAmphoraeSubflow(), onDistributor({ amphorae }));
  await runFlow(driver.getDrainAmphoraeSubflow(), onDistributor({ amphorae: [{ id: 'a2' }] }));
});
afterEach(() => {});

const defaults = { vip_alg: null, vip_persistence: null };
const onDistributor = (values: Values) => ({ distributor_id: id, ...values });

/** Each verb as it changes something. */
const verbs: readonly (readonly [string, () => Flow, () => Values])[] = [
  [
    'create-distributor',
    () => driver.getCreateDistributorSubflow(),
    () => ({ load_balancer: { id: '00000000-0000-4000-8000-000000000002', name: 'other' } }),
  ],
  [
    'delete-distributor',
    () => driver.getDeleteDistributorSubflow({ cascade: true }),
    () => onDistributor({}),
  ],
  [
    'add-vip',
    () => driver.getAddVipSubflow(),
    () => onDistributor({ ...defaults, vip: vip('fd00::100') }),
  ],
  [
    'remove-vip',
    () => driver.getRemoveVipSubflow(),
    () => onDistributor({ vip: vip('10.0.0.100') }),
  ],
  [
    'register-amphorae',
    () => driver.getRegisterAmphoraeSubflow(),
    () => onDistributor({ amphorae: [amphora(2), amphora(3), amphora(4, null)] }),
  ],
  [
    'drain-amphorae',
    () => driver.getDrainAmphoraeSubflow({ deadline: null, then: null, force: true }),
    () => onDistributor({ amphorae: [{ id: 'a1' }] }),
  ],
  [
    'unregister-amphorae',
    () => driver.getUnregisterAmphoraeSubflow(),
    () => onDistributor({ amphorae: [{ id: 'a1' }, { id: 'a2' }] }),
  ],
  [
    'set-weights',
    () => driver.getSetWeightsSubflow({ force: true }),
    () =>
      onDistributor({
        weights: [
          { amphoraId: 'a1', weight: 0 },
          { amphoraId: 'a2', weight: 7 },
        ],
      }),
  ],
  [
    'failover-amphora',
    () => driver.getFailoverAmphoraSubflow(),
    () => onDistributor({ amphora_id: 'a1' }),
  ],
  [
    'finish-drain',
    () =>
      driver.getFinishDrainSubflow({ amphoraId: 'a2', startedAt: 1_000_000, outcome: 'DRAINED' }),
    () => onDistributor({}),
  ],
];

interface Snapshot {
  readonly distributors: readonly Distributor[];
  readonly revisions: readonly number[];
  readonly datapath: unknown;
}

function snapshot(): Snapshot {
  const distributors = [...store.all()].map(({ distributor }) => distributor);
  const revisions = [...store.all()].map(({ revision }) => revision);
  return structuredClone({ distributors, revisions, datapath: datapath.states });
}

const bang = task<object, object>({
  name: 'injected failure',
  requires: [],
  provides: [],
  execute() {
    throw new Error('injected');
  },
});

describe.each(verbs)('%s', (name, verb, inputs) => {
  test('has the name of the contract and changes something', async () => {
    const before = snapshot();
    expect(verb().name).toBe(name);
    await runFlow(verb(), inputs());
    expect(snapshot()).not.toEqual(before);
  });

  test('again changes nothing', async () => {
    const first = await runFlow(verb(), inputs());
    const after = snapshot();
    const operations = datapath.executed.length;
    const revision = store.revision;
    const second = await runFlow(verb(), inputs());
    expect(snapshot()).toEqual(after);
    expect(datapath.executed.slice(operations)).toEqual([]);
    expect(store.revision).toBe(revision);
    expect(second['distributor_id']).toEqual(first['distributor_id']);
  });

  test('undoes everything if it fails after any of its tasks', async () => {
    const before = snapshot();
    const count = tasksOf(verb()).length;
    for (let after = 0; after <= count; after++) {
      const steps = [...tasksOf(verb())];
      steps.splice(after, 0, bang);
      await expect(runFlow(flow(name, ...steps), inputs())).rejects.toThrow('injected');
      expect(snapshot(), `after task ${after}`).toEqual(before);
    }
  });

  test('undoes everything if the data path refuses any of its operations', async () => {
    const before = snapshot();
    const executed = datapath.executed.length;
    const probe = await withRefusal(-1, () => runFlow(verb(), inputs()));
    expect(probe).toBeNull();
    const operations = datapath.executed.length - executed;
    // Back to the start, then once more for each operation with that one refused.
    for (let refused = 0; refused < operations; refused++) {
      await restore(before);
      const error = await withRefusal(refused, () => runFlow(verb(), inputs()));
      expect(String(error)).toContain('refused');
      expect(snapshot(), `operation ${refused} refused`).toEqual(before);
    }
  });
});

/** Runs `work` with its nth operation refused; returns what it threw, or null. */
async function withRefusal(nth: number, work: () => Promise<unknown>): Promise<unknown> {
  let count = 0;
  datapath.refuses = (_: Operation) => count++ === nth;
  try {
    await work();
    return null;
  } catch (error) {
    return error;
  } finally {
    datapath.refuses = () => false;
  }
}

/** Puts state and data path back to a snapshot, through the reconciler. */
async function restore({ distributors, revisions }: Snapshot): Promise<void> {
  const goal = new Map(distributors.map((distributor) => [distributor.id, distributor]));
  for (const key of new Set([...goal.keys(), ...[...store.all()].map((s) => s.distributor.id)])) {
    const before = store.get(key)?.distributor ?? null;
    const after = goal.get(key) ?? null;
    const revision = revisions[distributors.findIndex(({ id }) => id === key)] ?? 0;
    await store.commit({ id: key, before, after, revision });
    await reconciler.converge(key, after);
  }
}

test('flows require what the contract says', () => {
  const required = verbs.map(([name, verb]) => [name, requiresOf(verb())]);
  expect(Object.fromEntries(required)).toEqual({
    'create-distributor': ['load_balancer'],
    'delete-distributor': ['distributor_id'],
    'add-vip': ['vip', 'vip_alg', 'vip_persistence', 'distributor_id'],
    'remove-vip': ['distributor_id', 'vip'],
    'register-amphorae': ['distributor_id', 'amphorae'],
    'drain-amphorae': ['distributor_id', 'amphorae'],
    'unregister-amphorae': ['distributor_id', 'amphorae'],
    'set-weights': ['distributor_id', 'weights'],
    'failover-amphora': ['distributor_id', 'amphora_id'],
    'finish-drain': ['distributor_id'],
  });
});

test('an amphora without a MAC gets no slots until its address answers, then does', async () => {
  await runFlow(
    driver.getRegisterAmphoraeSubflow(),
    onDistributor({ amphorae: [amphora(3, null)] }),
  );
  expect(datapath.states.get(id)?.weights).toEqual([1]);
  datapath.answer({ ifindex: 2, ip: '10.0.0.13' }, '02:00:00:00:01:03');
  await reconciler.converge(id, store.get(id)?.distributor ?? null);
  expect(datapath.states.get(id)?.weights).toEqual([1, 0, 1]);
  expect(datapath.states.get(id)?.positions.get(2)?.mac).toBe('02:00:00:00:01:03');
});

test('a registration ends though addresses go on answering while it runs', async () => {
  const amphorae = Array.from({ length: 4 }, (_, n) => amphora(n + 5, null));
  const late = [...amphorae];
  const executeOperation = datapath.execute.bind(datapath);
  datapath.execute = async (distributorId, operation) => {
    await executeOperation(distributorId, operation);
    const next = operation.kind === 'assign-slots' || late.length === 4 ? late.shift() : undefined;
    if (next !== undefined)
      datapath.answer({ ifindex: 2, ip: next.ip }, `02:00:00:00:02:0${late.length}`);
  };
  await runFlow(driver.getRegisterAmphoraeSubflow(), onDistributor({ amphorae }));
  while (late.length > 0) await reconciler.converge(id, store.get(id)?.distributor ?? null);
  await reconciler.converge(id, store.get(id)?.distributor ?? null);
  expect(datapath.states.get(id)?.positions.size).toBe(6);
});

test('an amphora keeps its MAC, and its connections, while its address is looked for elsewhere', async () => {
  const { answering } = datapath;
  answering.set('2 10.0.0.13', '02:00:00:00:01:03');
  const elsewhere = {
    ...vip('10.0.1.100'),
    attachment: { port: { interface: 'eth1' }, vlanIds: [] },
  };
  await runFlow(
    driver.getRegisterAmphoraeSubflow(),
    onDistributor({ amphorae: [amphora(3, null)] }),
  );
  await runFlow(driver.getAddVipSubflow(), onDistributor({ ...defaults, vip: elsewhere }));
  await runFlow(driver.getRemoveVipSubflow(), onDistributor({ vip: vip('10.0.0.100') }));
  expect([...(datapath.states.get(id)?.neighbours.keys() ?? [])]).toEqual(['3 10.0.0.13']);
  expect(datapath.states.get(id)?.positions.get(2)?.mac).toBe('02:00:00:00:01:03');
  expect(datapath.executed.filter(({ kind }) => kind === 'clear-position')).toEqual([]);
});

test('a standby takes over in one operation, which makes flows of the failed one void', async () => {
  const before = datapath.executed.length;
  await runFlow(driver.getFailoverAmphoraSubflow(), onDistributor({ amphora_id: 'a1' }));
  const occupant = { amphoraId: 'a9', ip: '10.0.0.19', mac: '02:00:00:00:01:09' };
  expect(datapath.executed.slice(before)).toEqual([
    { kind: 'put-position', position: 0, occupant, sameAmphora: false },
  ]);
});

test('a standby without a MAC is looked for, and takes over once its address has answered', async () => {
  const amphorae = [{ ...amphora(8, null), role: 'STANDBY' as const }];
  await runFlow(driver.getRegisterAmphoraeSubflow(), onDistributor({ amphorae }));
  await runFlow(driver.getUnregisterAmphoraeSubflow(), onDistributor({ amphorae: [{ id: 'a9' }] }));
  const failover = () =>
    runFlow(driver.getFailoverAmphoraSubflow(), onDistributor({ amphora_id: 'a1' }));
  await expect(failover()).rejects.toMatchObject({ reason: 'NO_STANDBY' });
  datapath.answer({ ifindex: 2, ip: '10.0.0.18' }, '02:00:00:00:01:08');
  await failover();
  expect(datapath.states.get(id)?.positions.get(0)).toMatchObject({ amphoraId: 'a8' });
});
