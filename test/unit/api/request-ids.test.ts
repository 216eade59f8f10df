// SPDX-License-Identifier: Apache-2.0
// A call's request id is on every line that is logged for it, and comes back to the client.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { api } from '../../../src/api/proto.ts';
import { createLog } from '../../../src/log.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { ApiBed } from './api-bed.ts';
import { outcomeOf } from './outcome.ts';
import { RawClient } from './raw-calls.ts';

const octavia = 'req-6d2b0b6c-3f6c-4a53-9d5a-1a6c2f4c9e11';
const lines: Record<string, unknown>[] = [];
let bed: ApiBed;
let raw: RawClient;
let distributorId: string;

beforeAll(async () => {
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  bed = await ApiBed.start({ log: createLog('debug', { write }) });
  raw = new RawClient(`unix:${bed.socket}`);
  const created = await bed.client.call('CreateDistributor', {
    load_balancer: { id: '00000000-0000-4000-8000-000000000001' },
  });
  distributorId = created.distributor_id;
});
beforeEach(() => lines.splice(0));
afterAll(async () => {
  raw.close();
  await bed.stop();
});

const { AddVip, GetDistributor } = api.DistributorService.service;
const addVip = () =>
  AddVip.requestSerialize({
    distributor_id: distributorId,
    vip: { address: '10.0.0.9', attachment: { interface: 'eth1', port: 'interface' } },
  });

test('also deep down, in the reconciler', async () => {
  const { code, metadata } = await raw.call({
    method: 'AddVip',
    bytes: addVip(),
    metadata: { 'x-request-id': octavia },
  });
  expect(code).toBe('OK');
  expect(metadata.get('x-request-id')).toEqual([octavia]);
  const of = (message: string) => lines.filter(({ msg }) => msg === message);
  expect(of('data path changed').length).toBeGreaterThan(0);
  expect(lines.map(({ requestId }) => requestId)).toEqual(lines.map(() => octavia));
  expect(of('call')).toEqual([
    expect.objectContaining({
      method: '/distributor.v1.DistributorService/AddVip',
      ms: expect.any(Number) as number,
      client: 'unix',
      code: 'OK',
    }),
  ]);
});

test.each(['', 'a b', 'x'.repeat(65), '"quoted"'])(
  'one that is none, as %j, is replaced',
  async (id) => {
    const bytes = GetDistributor.requestSerialize({ distributor_id: distributorId });
    const metadata = { 'x-request-id': id };
    const answer = await raw.call({ method: 'GetDistributor', bytes, metadata });
    const [given] = answer.metadata.get('x-request-id');
    expect(given).toMatch(/^req-[0-9a-f-]{36}$/);
    expect(lines.at(-1)).toMatchObject({ msg: 'call', requestId: given });
  },
);

test('calls at the same time are told apart', async () => {
  const ids = Array.from({ length: 20 }, (_, n) => `call-${n}`);
  await Promise.all(
    ids.map((id) =>
      raw.call({ method: 'AddVip', bytes: addVip(), metadata: { 'x-request-id': id } }),
    ),
  );
  for (const id of ids)
    expect(lines.filter(({ msg, requestId }) => msg === 'call' && requestId === id)).toHaveLength(
      1,
    );
});

test('refusals are logged with their reasons', async () => {
  await outcomeOf(bed.client.call('GetDistributor', { distributor_id: 'one' }));
  await waitUntil('the line', () => lines.some(({ msg }) => msg === 'call'));
  expect(lines.find(({ msg }) => msg === 'call')).toMatchObject({
    code: 'INVALID_ARGUMENT',
    reason: 'INVALID_ID',
    message: expect.stringContaining('one') as string,
  });
});
