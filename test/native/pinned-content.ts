// SPDX-License-Identifier: Apache-2.0
// A process that opens what is pinned with the addon of one build or the other, `fill`s it or
// checks that all is there: node pinned-content.ts ADDON PINS fill|check. Prints faults, if any.
import { createRequire } from 'node:module';
import type { Native, NativeFlow, NativeFlowKey } from '../../src/datapath/native.ts';

const FLOWS = 5000;
const SLOTS = 1024;
const distributorId = '00000000-0000-4000-8000-00000000000a';
const vip = {
  ...{ ifindex: 1, outerVlan: 0, innerVlan: 0, address: '192.0.2.1', seed: 1n, slotBase: 0 },
  ...{ tableSize: SLOTS, positionBase: 0, vipId: 1, counters: 1, tcpIdle: 900, otherIdle: 60 },
  ...{ affinity: 0, tracking: 1, mac: '02:00:00:00:00:fe', distributorId, since: 7, port: 'eth0' },
};

const [, , addon = '', pins = '', task = ''] = process.argv;
const native = createRequire(import.meta.url)(addon) as Native;
const datapath = new native.Datapath({
  ...{ vips: 4, slots: 4096, positions: 16, flows: 4 * FLOWS, fragments: 64, pins },
});

function flow(index: number): NativeFlowKey & NativeFlow {
  return {
    ...{ vipId: 1, source: `198.51.${index >> 8}.${index & 0xff}`, sourcePort: 1 },
    ...{ destinationPort: 80, protocol: 6, lastSeen: 100 + index, owner: 2, generation: 1 },
    // Every other one is but an opening.
    ...{ closing: false, over: false, confirmed: index % 2 === 0 },
    acknowledged: index % 2 === 0 ? index : 0,
  };
}

function fill(): void {
  datapath.putTable({
    ...{ distributorId, slotBase: 0, positionBase: 0, size: SLOTS, assigned: true, idle: 0 },
  });
  const amphora = { id: 'amphora-1', ip: '10.0.0.1', since: 5 };
  const mac = '02:00:00:00:00:01';
  datapath.setPosition({ index: 1, mac, sameAmphora: false, amphora });
  datapath.newVipId();
  datapath.putVip(vip);
  for (let index = 0; index < FLOWS; index++) datapath.putFlow({ ...flow(index), counters: 1 });
  const table = datapath.table({ base: 0, size: SLOTS });
  for (let slot = 0; slot < SLOTS; slot++)
    table.put(slot, { current: 1, previous: 2, clock: slot });
}

function faults(): string[] {
  const found: string[] = [];
  const compare = (what: string, now: unknown, before: unknown) => {
    const text = JSON.stringify(now);
    if (text !== JSON.stringify(before)) found.push(`${what} is ${text}`);
  };
  let lost = 0;
  for (let index = 0; index < FLOWS; index++) {
    const expected = flow(index);
    const now = datapath.getFlow(expected);
    // Five openings may, by chance, have had to share the four places of a bucket.
    if (now === null && !expected.confirmed) lost++;
    else compare(`flow ${index}`, now?.lastSeen, expected.lastSeen);
  }
  compare('openings lost', lost < 5, true);
  const table = datapath.table({ base: 0, size: SLOTS });
  for (let slot = 0; slot < SLOTS; slot++)
    compare(`slot ${slot}`, table.at(slot), { current: 1, previous: 2, clock: slot });
  const { tables, vips } = datapath.adopted();
  compare('tables', tables.length, 1);
  compare('vips', vips.length, 1);
  compare('occupants', datapath.occupants({ index: 0, count: 4 })[0]?.amphora?.id, 'amphora-1');
  for (const share of [0, 1]) compare(`share ${share}`, datapath.flowUse(share).used, FLOWS / 2);
  return found;
}

if (task === 'fill') fill();
else process.stdout.write(faults().slice(0, 10).join('\n'));
datapath.close();
