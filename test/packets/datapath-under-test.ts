// SPDX-License-Identifier: Apache-2.0
// The program as it ships, over small maps that hold every distributor.
import { afterAll } from 'vitest';
import { native, type NativeSlotTable } from '../../src/datapath/native.ts';
import {
  allDistributors,
  allVips,
  amphoraMac,
  GENERATION,
  hasAmphora,
  OTHER_IDLE,
  PORT_MAC,
  POSITIONS,
  TABLE_SIZE,
  TCP_IDLE,
  type Distributor,
  type Vip,
} from './distributors.ts';
import type { Flow } from './frame.ts';

export const datapath = new native.Datapath({
  vips: allVips.length,
  slots: allDistributors.length * TABLE_SIZE,
  positions: allDistributors.length * POSITIONS,
  flows: 1024,
});
afterAll(() => datapath.close());

for (const distributor of allDistributors) fillPositions(distributor);
let vipsPut = 0;
for (const vip of allVips) putVip(vip, native.now());

function fillPositions(distributor: Distributor): void {
  for (let position = 0; position < POSITIONS; position++) {
    const index = distributor.positionBase + position;
    const mac = hasAmphora(position) ? amphoraMac(distributor, position + 1) : null;
    for (let generation = 0; generation < GENERATION; generation++)
      datapath.setPosition({ index, mac, sameAmphora: false });
  }
}

/** Each time under another id, so that no flow entry of an earlier record counts. */
export function putVip({ key, distributor, counters }: Vip, learningUntil: number): number {
  const vipId = ++vipsPut;
  const { seed, slotBase, positionBase, affinity, tracking } = distributor;
  datapath.putVip({
    ...key,
    ...{ seed, slotBase, positionBase, vipId, counters },
    tableSize: TABLE_SIZE,
    tcpIdle: TCP_IDLE,
    otherIdle: OTHER_IDLE,
    affinity: ['source-ip', 'source-ip-and-port'].indexOf(affinity),
    tracking: ['adaptive', 'full', 'stateless'].indexOf(tracking),
    mac: PORT_MAC,
  });
  datapath.setLearning({ index: positionBase, until: learningUntil });
  return vipId;
}

/** The slot that a client's flow falls into. */
export function slotOf({ affinity, seed }: Distributor, flow: Flow): number {
  const sourcePort = affinity === 'source-ip-and-port' && flow.hasPorts ? flow.sourcePort : 0;
  const hash = native.slotHash({ seed, source: flow.source, sourcePort });
  return hash >>> (Math.clz32(TABLE_SIZE) + 1);
}

export function tableOf({ slotBase }: Distributor): NativeSlotTable {
  return datapath.table({ base: slotBase, size: TABLE_SIZE });
}
