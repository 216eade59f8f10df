// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../support/namespaces.ts';
import { waitUntil } from '../support/wait-until.ts';
import { AddonInNamespace } from './addon-in-namespace.ts';
import { layCable, link, PORT, removeCable, type Cable } from './cable.ts';

const MISSING_IFINDEX = 4_000_000;
const BRIDGE = 'br0';
/** Of `ip -json link`: IFLA_XDP_ATTACHED. */
const XDP_NATIVE = 1;
const XDP_GENERIC = 2;

let cable: Cable;
let addon: AddonInNamespace;
let bridge: number;

beforeAll(async () => {
  cable = await layCable();
  // A bridge has no XDP of its own.
  await run(cable.near.namespace, ['ip', 'link', 'add', BRIDGE, 'type', 'bridge']);
  bridge = (await link(cable.near.namespace, BRIDGE)).ifindex;
});
afterAll(() => removeCable(cable));
beforeEach(() => {
  addon = new AddonInNamespace(cable.near.namespace);
});
afterEach(() => addon.kill());

const attach = (ifindex: number, by = addon) => by.call('datapath', 'attach', { ifindex });
const portNow = () => link(cable.near.namespace, PORT);

describe('attach', () => {
  test('is in native mode on a veth, with the program of the inventory', async () => {
    expect(await attach(cable.near.ifindex)).toBe('native');
    const { programId } = await addon.call('datapath', 'inventory', undefined);
    expect((await portNow()).xdp).toMatchObject({ mode: XDP_NATIVE, prog: { id: programId } });
  });

  test('is in generic mode on a bridge', async () => {
    expect(await attach(bridge)).toBe('generic');
    expect((await link(cable.near.namespace, BRIDGE)).xdp).toMatchObject({ mode: XDP_GENERIC });
  });

  test('to a second port keeps the first', async () => {
    await attach(cable.near.ifindex);
    await attach(bridge);
    expect((await portNow()).xdp).toBeDefined();
  });

  test('throws ENODEV without such a port', async () => {
    await expect(attach(MISSING_IFINDEX)).rejects.toMatchObject({ code: 'ENODEV' });
  });

  test('throws EBUSY where another process has attached its program', async () => {
    const other = new AddonInNamespace(cable.near.namespace);
    try {
      await attach(cable.near.ifindex, other);
      const before = (await portNow()).xdp;
      await expect(attach(cable.near.ifindex)).rejects.toMatchObject({ code: 'EBUSY' });
      expect((await portNow()).xdp).toEqual(before);
    } finally {
      await other.kill();
    }
  });

  test('throws EBUSY where an administrator has attached a program, and leaves it', async () => {
    const { programId } = await addon.call('datapath', 'inventory', undefined);
    const id = programId.toString();
    const port = ['dev', PORT];
    const { namespace } = cable.near;
    await run(namespace, ['bpftool', 'net', 'attach', 'xdpdrv', 'id', id, ...port]);
    try {
      await expect(attach(cable.near.ifindex)).rejects.toMatchObject({ code: 'EBUSY' });
      expect((await portNow()).xdp).toMatchObject({ mode: XDP_NATIVE });
    } finally {
      await run(namespace, ['bpftool', 'net', 'detach', 'xdpdrv', ...port]);
    }
  });

  test('again, where it is attached already, throws EBUSY and stays attached', async () => {
    await attach(cable.near.ifindex);
    await expect(attach(cable.near.ifindex)).rejects.toMatchObject({ code: 'EBUSY' });
    expect((await portNow()).xdp).toMatchObject({ mode: XDP_NATIVE });
  });
});

describe('detach', () => {
  test('leaves no program on the port', async () => {
    await attach(cable.near.ifindex);
    await addon.call('datapath', 'detach', { ifindex: cable.near.ifindex });
    expect((await portNow()).xdp).toBeUndefined();
  });

  test('of a port that is not attached does nothing', async () => {
    await attach(bridge);
    await addon.call('datapath', 'detach', { ifindex: cable.near.ifindex });
    expect((await link(cable.near.namespace, BRIDGE)).xdp).toBeDefined();
  });

  test('lets attach again', async () => {
    await attach(cable.near.ifindex);
    await addon.call('datapath', 'detach', { ifindex: cable.near.ifindex });
    expect(await attach(cable.near.ifindex)).toBe('native');
  });
});

describe('no program and no map is left', () => {
  test.each([
    {
      after: 'close()',
      end: () => addon.call('datapath', 'close', undefined),
    },
    { after: 'a kill', end: () => addon.kill() },
  ])('after $after', async ({ end }) => {
    await attach(cable.near.ifindex);
    const { programId, mapIds } = await addon.call('datapath', 'inventory', undefined);
    expect(await kernelIds('prog')).toContain(programId);
    expect(await kernelIds('map')).toEqual(expect.arrayContaining([...mapIds]));

    await end();
    // The kernel frees them after a grace period.
    await waitUntil('the program and its maps to be gone', async () => {
      const [programs, maps] = await Promise.all([kernelIds('prog'), kernelIds('map')]);
      return !programs.includes(programId) && !mapIds.some((id) => maps.includes(id));
    });
    expect((await portNow()).xdp).toBeUndefined();
  });
});

async function kernelIds(kind: 'prog' | 'map'): Promise<number[]> {
  const objects = JSON.parse(await run(null, ['bpftool', '-j', kind, 'show'])) as { id: number }[];
  return objects.map(({ id }) => id);
}
