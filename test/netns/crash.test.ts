// SPDX-License-Identifier: Apache-2.0
// The daemon is killed at any moment, again and again, while clients change its state and traffic
// goes on: what was acknowledged stays, and nothing of the traffic is lost.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { AmphoraSet, type AmphoraVerbs } from '../support/amphora-set.ts';
import { ChangingClient, planSteps, type Step } from '../support/changing-client.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { chooseSeed } from '../support/seed.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { TestDistributor } from '../support/test-distributor.ts';

const KILLS = 200;
const CLIENTS = 16;
const CONNECTIONS = 1000;
const families = [4, 6] as const;
const initialSlots = 1024;
const config = `
capacity: {vips: 64, slots: 1048576, flows: 65536}
tables: {initialSlots: ${initialSlots.toString()}, maxSlots: 8192}
`;
/** Far more than are made between two kills. */
const STEPS = 20_000;
const seed = chooseSeed();
const random = new Random(seed);

let bed: TestBed;
let daemon: DaemonProcess;
const changing: ChangingClient[] = [];

beforeAll(async () => {
  process.stdout.write(`crash: SEED=${seed.toString()}\n`);
  bed = await createTestBed({ amphorae: 5 });
  daemon = await DaemonProcess.start(bed, config);
  const served = await TestDistributor.create(bed, daemon);
  changing.push(new ChangingClient(served.id, stepsUnderTraffic(served)));
  for (let client = 1; client < CLIENTS; client++) {
    const load_balancer = { id: randomUUID() };
    const { distributor_id: id } = await daemon.client.call('CreateDistributor', { load_balancer });
    const vips = [`10.20.0.${(120 + client).toString()}`, `fd00:20::1:${client.toString()}`];
    const plan = { id, seed: seed + client, changes: STEPS / 10, initialSlots, vips };
    changing.push(new ChangingClient(id, planSteps({ ...plan, port: bed.distributorPort })));
  }
});
afterAll(() => bed.remove());

/** Changes that break no connection: none is unregistered. */
function stepsUnderTraffic({ id }: TestDistributor): Step[] {
  const names = bed.amphorae.map(({ name }) => name);
  const vips = [bed.vip.ipv4, bed.vip.ipv6].sort();
  const set = new AmphoraSet(initialSlots);
  set.register(names);
  return Array.from({ length: STEPS }, (): Step => {
    const before = { members: set.list, vips };
    const active = set.inState('ACTIVE');
    const draining = set.inState('DRAINING');
    const name = random.pick(names);
    const weight = random.between(1, 9);
    let make: <Result>(verbs: AmphoraVerbs<Result>) => Result;
    if (draining.includes(name)) make = (verbs) => verbs.register([name]);
    else if (active.length > 2 && random.oneIn(2)) make = (verbs) => verbs.drain(name);
    else make = (verbs) => verbs.setWeights(new Map([[name, weight]]));
    make(set);
    const after = { members: set.list, vips };
    const title = `under traffic: ${name}`;
    return { title, make: () => make(distributor(id).byName), before, after };
  });
}

const distributor = (id: string) => TestDistributor.of(id, bed, daemon);

async function expectProbesAnswered(): Promise<void> {
  for (const family of families) {
    const clients = Array.from({ length: 8 }, () => 40_000 + random.below(10_000));
    const results = [
      ...(await bed.clients.udpProbe({ family, clients })),
      ...(await bed.clients.probe({ family, clients })),
    ];
    expect(results.filter(({ error }) => error !== null)).toEqual([]);
  }
}

test(`nothing is lost by ${KILLS.toString()} kills, SEED=${seed.toString()}`, async () => {
  for (const family of families) {
    await bed.clients.openConnections({ family, count: CONNECTIONS / 2, stallMs: 60_000 });
    const clients = Array.from({ length: 10 }, (_, index) => 30_000 + index);
    await bed.clients.openDatagrams({ family, clients, bytes: 100, lostAfterMs: 10_000 });
  }
  for (let kill = 1; kill <= KILLS; kill++) {
    const changes = changing.map((client) => client.change(daemon.client));
    const killed = daemon.killAfter(random.below(150));
    await Promise.all([...changes, killed]);
    await expectProbesAnswered();
    // Some are killed while they start.
    if (random.oneIn(4)) {
      const starting = DaemonProcess.launch(bed, config);
      await starting.killAfter(random.below(600));
    }
    daemon = await DaemonProcess.start(bed, config);
    for (const client of changing) await client.look(daemon.client);
  }
  const reports = await bed.clients.waitForExchange({ deadlineMs: 60_000 });
  expect(reports).toHaveLength(CONNECTIONS);
  expect(reports.filter(({ broken }) => broken !== null)).toEqual([]);
  const flows = await bed.clients.closeDatagrams();
  expect(flows.filter(({ lost, wrong }) => lost > 0 || wrong > 0)).toEqual([]);
  const acknowledged = changing.map((client) => client.acknowledged);
  process.stdout.write(`crash: ${acknowledged.join(' ')} changes acknowledged\n`);
  for (const count of acknowledged) expect(count).toBeGreaterThan(KILLS / 10);
}, 900_000);
