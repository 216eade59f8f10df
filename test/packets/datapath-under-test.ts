// SPDX-License-Identifier: Apache-2.0
// The program as it ships, over small maps that hold every distributor.
import { afterAll } from 'vitest';
import {
  native,
  type NativeDatapath,
  type NativeSlotTable,
  type NativeVip,
} from '../../src/datapath/native.ts';
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

/** A VIP otherwise than it usually is; seconds. */
export type Variation = Partial<
  Pick<NativeVip, 'vipId' | 'tcpIdle' | 'otherIdle' | 'positionBase'>
>;

export class DatapathUnderTest {
  readonly native: NativeDatapath;
  #vipsPut = 0;

  constructor({ flows }: { readonly flows: number }) {
    this.native = new native.Datapath({
      vips: allVips.length,
      slots: allDistributors.length * TABLE_SIZE,
      positions: allDistributors.length * POSITIONS,
      flows,
      fragments: 1024,
      pins: null,
    });
    for (const distributor of allDistributors) this.#fillPositions(distributor);
    for (const vip of allVips) this.putVip(vip, native.now());
  }

  /**
   * Each time under another id, unless one is given, so that no flow entry of an earlier record
   * counts. Returns it.
   */
  putVip({ key, distributor, counters }: Vip, learningUntil: number, as: Variation = {}): number {
    const vipId = as.vipId ?? ++this.#vipsPut;
    const { seed, slotBase, positionBase, affinity, tracking } = distributor;
    this.native.putVip({
      ...key,
      ...{ seed, slotBase, positionBase, vipId, counters },
      tableSize: TABLE_SIZE,
      tcpIdle: TCP_IDLE,
      otherIdle: OTHER_IDLE,
      ...as,
      affinity: ['source-ip', 'source-ip-and-port'].indexOf(affinity),
      tracking: ['adaptive', 'full', 'stateless'].indexOf(tracking),
      mac: PORT_MAC,
      distributorId: '00000000-0000-4000-8000-000000000001',
      since: 0,
      port: 'port',
    });
    this.native.setLearning({ index: positionBase, until: learningUntil });
    return vipId;
  }

  tableOf({ slotBase }: Distributor): NativeSlotTable {
    return this.native.table({ base: slotBase, size: TABLE_SIZE });
  }

  #fillPositions(distributor: Distributor): void {
    for (let position = 0; position < POSITIONS; position++) {
      const index = distributor.positionBase + position;
      const mac = hasAmphora(position) ? amphoraMac(distributor, position + 1) : null;
      for (let generation = 0; generation < GENERATION; generation++)
        this.native.setPosition({ index, mac, sameAmphora: false, amphora: null });
    }
  }
}

/** Closed when the tests of the file are over. */
export function openDatapath(capacity: { readonly flows: number }): DatapathUnderTest {
  const datapath = new DatapathUnderTest(capacity);
  afterAll(() => datapath.native.close());
  return datapath;
}

/** The slot that a client's flow falls into. */
export function slotOf({ affinity, seed }: Distributor, flow: Flow): number {
  const sourcePort = affinity === 'source-ip-and-port' && flow.hasPorts ? flow.sourcePort : 0;
  const hash = native.slotHash({ seed, source: flow.source, sourcePort });
  return hash >>> (Math.clz32(TABLE_SIZE) + 1);
}
