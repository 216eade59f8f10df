// SPDX-License-Identifier: Apache-2.0
// Every method of a datapath with arguments that it takes, and what it does not take.
import type { NativeDatapath } from '../../src/datapath/native.ts';

export const capacity = {
  vips: 4,
  slots: 64,
  positions: 8,
  flows: 64,
  fragments: 64,
  pins: null,
} as const;

export const vipKey = { ifindex: 1, outerVlan: 0, innerVlan: 0, address: '192.0.2.1' } as const;

export const vip = {
  ...vipKey,
  seed: 1n,
  slotBase: 0,
  tableSize: 16,
  positionBase: 0,
  vipId: 1,
  counters: 1,
  tcpIdle: 900,
  otherIdle: 120,
  affinity: 0,
  tracking: 1,
  mac: '02:00:00:00:00:fe',
  distributorId: '00000000-0000-4000-8000-000000000001',
  since: 0,
  port: 'lo',
} as const;

export const flowKey = {
  vipId: 1,
  source: '198.51.100.7',
  sourcePort: 1234,
  destinationPort: 80,
  protocol: 6,
} as const;

export const flow = {
  ...flowKey,
  ...{ lastSeen: 1, owner: 1, generation: 1, closing: false, confirmed: true, counters: 1 },
  ...{ acknowledged: 0, over: false },
} as const;

export const fragmentKey = {
  ...{ vipId: 1, source: '198.51.100.7', identification: 77, keyProtocol: 17 },
} as const;

export const fragment = {
  ...fragmentKey,
  ...{ seen: 1, sourcePort: 1234, destinationPort: 80, protocol: 17 },
} as const;

const tableEntry = {
  distributorId: vip.distributorId,
  ...{ slotBase: 0, positionBase: 0, size: 16, assigned: true, idle: 0 },
} as const;

interface Call {
  readonly method: Exclude<keyof NativeDatapath, 'close'>;
  /** The argument it takes; the fields of an object are all required. */
  readonly argument: object | number | bigint | null;
  /** By field, what it is not. */
  readonly refused: Readonly<Record<string, readonly unknown[]>>;
}

export const numbers = (most: number): unknown[] => [most + 1, -1, 0.5, NaN, '1', null, 1n];
const UINT32 = 0xffff_ffff;
const UINT16 = 0xffff;
const addresses = ['', '192.0.2', '192.0.2.1/24', '::g', 'host', 1, null];
const macs = ['', '02:00:00:00:00', '02:00:00:00:00:fe:01', '02-00-00-00-00-fe', 'zz', 1];
const booleans = [0, 1, 'true', null];
const uuids = [
  '',
  'x',
  '000000000000400080000000000000010000',
  '00000000-0000-4000-A000-000000000001',
  1,
  null,
];

const vipKeyRefused = {
  ifindex: numbers(UINT32),
  outerVlan: numbers(4094),
  innerVlan: numbers(4094),
  address: addresses,
};
const flowKeyRefused = {
  vipId: numbers(UINT32),
  source: addresses,
  sourcePort: numbers(UINT16),
  destinationPort: numbers(UINT16),
  protocol: numbers(0xff),
};

const fragmentKeyRefused = {
  vipId: numbers(UINT32),
  source: addresses,
  identification: numbers(UINT32),
  keyProtocol: numbers(0xff),
};

export const datapathCalls: readonly Call[] = [
  {
    method: 'attach',
    argument: { ifindex: 1 },
    refused: { ifindex: numbers(UINT32) },
  },
  { method: 'keepPinned', argument: null, refused: {} },
  { method: 'detach', argument: { ifindex: 1 }, refused: { ifindex: numbers(UINT32) } },
  {
    method: 'putVip',
    argument: vip,
    refused: {
      ...vipKeyRefused,
      seed: [1, -1n, 2n ** 64n, '1', null],
      slotBase: numbers(UINT32),
      tableSize: [0, 1, 3, 17, ...numbers(UINT32)],
      positionBase: numbers(UINT32),
      vipId: numbers(UINT32),
      counters: numbers(UINT32),
      tcpIdle: numbers(UINT32),
      otherIdle: numbers(UINT32),
      affinity: numbers(1),
      tracking: numbers(2),
      mac: [...macs, null],
      distributorId: uuids,
      since: numbers(UINT32),
      port: ['a-name-of-16-bytes', 1, null],
    },
  },
  {
    method: 'moveVip',
    argument: { ...vip, from: 2 },
    refused: { ...vipKeyRefused, from: numbers(UINT32), distributorId: uuids },
  },
  {
    method: 'deleteVip',
    argument: { ...vipKey, vipId: 1, counters: 1 },
    refused: { ...vipKeyRefused, vipId: numbers(UINT32), counters: numbers(capacity.vips) },
  },
  {
    method: 'table',
    argument: { base: 0, size: 16 },
    refused: { base: [...numbers(UINT32), capacity.slots], size: [0, 3, ...numbers(UINT32)] },
  },
  {
    method: 'setPosition',
    argument: { index: 0, mac: null, sameAmphora: false, amphora: null },
    refused: {
      index: numbers(capacity.positions - 1),
      mac: macs,
      sameAmphora: booleans,
      amphora: [1, 'x'],
    },
  },
  {
    method: 'setLearning',
    argument: { index: 0, until: 0 },
    refused: { index: numbers(capacity.positions - 1), until: numbers(UINT32) },
  },
  {
    method: 'movePositions',
    argument: { from: 0, to: 4, count: 4 },
    refused: {
      from: numbers(capacity.positions - 4),
      to: numbers(capacity.positions - 4),
      count: numbers(capacity.positions),
    },
  },
  { method: 'vipCounters', argument: 0, refused: {} },
  { method: 'positionCounters', argument: 0, refused: {} },
  { method: 'resetVip', argument: 0, refused: {} },
  { method: 'resetPositionCounters', argument: 0, refused: {} },
  { method: 'getFlow', argument: flowKey, refused: flowKeyRefused },
  { method: 'getOpening', argument: flowKey, refused: flowKeyRefused },
  {
    method: 'putFlow',
    argument: flow,
    refused: {
      ...flowKeyRefused,
      lastSeen: numbers(UINT32),
      owner: numbers(UINT16),
      generation: numbers(0x7fff),
      closing: booleans,
      acknowledged: numbers(0x7fff_ffff),
      over: booleans,
      confirmed: booleans,
      counters: numbers(capacity.vips),
    },
  },
  { method: 'getFragment', argument: fragmentKey, refused: fragmentKeyRefused },
  {
    method: 'putFragment',
    argument: fragment,
    refused: {
      ...fragmentKeyRefused,
      seen: numbers(UINT32),
      sourcePort: numbers(UINT16),
      destinationPort: numbers(UINT16),
      protocol: numbers(0xff),
    },
  },
  { method: 'flowUse', argument: 0, refused: {} },
  {
    method: 'sweepFlows',
    argument: { closing: 60, positions: Uint32Array.of(0, capacity.positions - 1) },
    refused: {
      closing: numbers(UINT32),
      positions: [
        ...[[0], Uint16Array.of(0), 0, null, '0'],
        ...[Uint32Array.of(capacity.positions), Uint32Array.of(0, UINT32)],
      ],
    },
  },
  { method: 'claims', argument: 0n, refused: {} },
  { method: 'defend', argument: 1, refused: {} },
  {
    method: 'testRun',
    argument: { frame: new Uint8Array(64), ifindex: 0 },
    refused: { frame: ['', 'text', 1, null, [1, 2]], ifindex: numbers(UINT32) },
  },
  { method: 'inventory', argument: null, refused: {} },
  { method: 'adopted', argument: null, refused: {} },
  {
    method: 'occupants',
    argument: { index: 0, count: capacity.positions },
    refused: { index: numbers(capacity.positions - 1), count: numbers(capacity.positions) },
  },
  {
    method: 'putTable',
    argument: tableEntry,
    refused: {
      distributorId: uuids,
      slotBase: numbers(UINT32),
      positionBase: numbers(UINT32),
      size: numbers(UINT32),
      assigned: booleans,
      idle: numbers(UINT32),
    },
  },
  {
    method: 'deleteTable',
    argument: { distributorId: tableEntry.distributorId },
    refused: { distributorId: uuids },
  },
  {
    method: 'setWeights',
    argument: { index: 0, weights: Uint32Array.of(1, 2) },
    refused: {
      index: numbers(capacity.positions - 1),
      weights: [[1], Uint16Array.of(1), null, new Uint32Array(capacity.positions + 1)],
    },
  },
  { method: 'newVipId', argument: null, refused: {} },
  { method: 'setCarrying', argument: { carrying: false }, refused: { carrying: booleans } },
  { method: 'isAttached', argument: { ifindex: 1 }, refused: { ifindex: numbers(UINT32) } },
];
