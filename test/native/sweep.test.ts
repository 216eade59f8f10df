// SPDX-License-Identifier: Apache-2.0
// A sweep runs on another thread, while its Datapath goes on or is closed.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { native, type NativeDatapath } from '../../src/datapath/native.ts';
import { capacity, flow, vip } from './datapath-calls.ts';
import { errorOf } from './native-error.ts';

const tally = { tcp: 0, udp: 0, sctp: 0, other: 0, closing: 0 };
const result = { kept: 1, removed: 0, tallies: [{ ...tally, tcp: 1 }] };

let datapath: NativeDatapath;
beforeEach(() => {
  datapath = new native.Datapath(capacity);
  datapath.putVip(vip);
  datapath.setPosition({ index: 0, mac: '02:00:00:00:00:01', sameAmphora: false, amphora: null });
  datapath.putFlow({ ...flow, lastSeen: native.now() });
});
afterEach(() => datapath.close());

const sweep = (...positions: readonly number[]) =>
  datapath.sweepFlows({ closing: 60, positions: Uint32Array.from(positions) });

describe('a second sweep', () => {
  test('while one is under way throws EBUSY, and does not disturb it', async () => {
    const under = sweep(0);
    const error = errorOf(() => sweep(0));
    expect(error).toMatchObject({ code: 'EBUSY', syscall: 'bpf(sweep flows)' });
    expect(await under).toEqual(result);
  });

  test('is possible as soon as the first has ended', async () => {
    for (let turn = 0; turn < 100; turn++) expect(await sweep(0)).toEqual(result);
  });

  test('is possible after one that was refused', async () => {
    expect(errorOf(() => sweep(capacity.positions)).code).toBe('BAD_ARGUMENT');
    expect(await sweep(0)).toEqual(result);
  });

  test('of another Datapath is no matter', async () => {
    const other = new native.Datapath(capacity);
    const positions = new Uint32Array(0);
    const both = [sweep(0), other.sweepFlows({ closing: 60, positions })];
    expect(await Promise.all(both)).toEqual([result, { kept: 0, removed: 0, tallies: [] }]);
    other.close();
  });
});

describe('close() while a sweep is under way', () => {
  test('lets it end', async () => {
    const under = sweep(0, capacity.positions - 1);
    datapath.close();
    expect(await under).toEqual({ ...result, tallies: [...result.tallies, tally] });
    expect(errorOf(() => sweep(0)).code).toBe('CLOSED');
  });

  test('in its own arguments throws CLOSED', () => {
    const sweeping = {
      positions: new Uint32Array(0),
      get closing() {
        datapath.close();
        return 60;
      },
    };
    expect(errorOf(() => datapath.sweepFlows(sweeping)).code).toBe('CLOSED');
  });
});

test('positions are those of the call', async () => {
  const positions = Uint32Array.of(0);
  const under = datapath.sweepFlows({ closing: 60, positions });
  positions[0] = 1;
  expect(await under).toEqual(result);
});

test('many positions in any order, each as often as asked for', async () => {
  const { tallies } = await sweep(...Array.from({ length: 10_000 }, (_, index) => index % 3));
  expect(tallies.map(({ tcp }) => tcp)).toEqual(
    Array.from({ length: 10_000 }, (_, index) => (index % 3 === 0 ? 1 : 0)),
  );
});
