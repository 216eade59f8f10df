// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../support/namespaces.ts';
import { waitUntil } from '../support/wait-until.ts';
import { AddonInNamespace } from './addon-in-namespace.ts';
import { layCable, PORT, removeCable, type Cable } from './cable.ts';

const NEW_MAC = '02:30:00:00:00:99';
const NOBODY = { 4: '10.30.0.200', 6: 'fd00:30::200' } as const;

let cable: Cable;
let addon: AddonInNamespace;

beforeEach(async () => {
  cable = await layCable();
  addon = new AddonInNamespace(cable.near.namespace);
  // The kernel's own patience is seconds; it is the same machinery in milliseconds.
  await run(cable.near.namespace, [
    ...['sysctl', '-q'],
    ...['ipv4', 'ipv6'].flatMap((family) => [
      `net.${family}.neigh.${PORT}.retrans_time_ms=20`,
      `net.${family}.neigh.${PORT}.base_reachable_time_ms=100`,
      `net.${family}.neigh.${PORT}.delay_first_probe_time=0`,
    ]),
  ]);
});
afterEach(async () => {
  await addon.kill();
  await removeCable(cable);
});

const neighbour = (ip: string) => ({ ifindex: cable.near.ifindex, ip });
const add = (ip: string) => addon.call('watch', 'add', neighbour(ip));
const remove = (ip: string) => addon.call('watch', 'remove', neighbour(ip));
const close = () => addon.call('watch', 'close', undefined);
const inNear = (...argv: string[]) => run(cable.near.namespace, ['ip', ...argv]);
const inFar = (...argv: string[]) => run(cable.far.namespace, ['ip', ...argv]);
const entryOf = (ip: string) => inNear('neigh', 'show', ip, 'dev', PORT);

/** The latest news of an address. */
const latest = (ip: string) => addon.changes.findLast((change) => change.ip === ip)?.mac;

async function reported(ip: string, mac: string | null): Promise<void> {
  await waitUntil(`${ip} to be at ${mac ?? 'no MAC'}`, () => latest(ip) === mac);
}

/** The same, where the kernel finds out by sending something. */
async function reportedOnTraffic(ip: string, mac: string | null): Promise<void> {
  await waitUntil(`${ip} to be at ${mac ?? 'no MAC'}`, async () => {
    if (latest(ip) === mac) return true;
    await run(cable.near.namespace, ['bash', '-c', `echo > /dev/udp/${ip}/9 || true`]);
    return false;
  });
}

describe.each([4, 6] as const)('IPv%i', (family) => {
  const far = () => (family === 4 ? cable.far.ipv4 : cable.far.ipv6);

  test('an address is resolved, and the MAC reported', async () => {
    const known = await add(far());
    expect([null, cable.far.mac]).toContain(known);
    await reported(far(), cable.far.mac);
    expect(addon.changes).toContainEqual({
      ...neighbour(far()),
      mac: cable.far.mac,
      deleted: false,
    });
  });

  test('a MAC that is known already is returned', async () => {
    await inNear('neigh', 'add', far(), 'lladdr', cable.far.mac, 'dev', PORT, 'nud', 'reachable');
    expect(await add(far())).toBe(cable.far.mac);
  });

  test('another MAC is reported, as soon as it is announced', async () => {
    await add(far());
    await reported(far(), cable.far.mac);
    await inFar('link', 'set', PORT, 'address', NEW_MAC);
    const peer = new AddonInNamespace(cable.far.namespace);
    try {
      await peer.call('addon', 'announce', {
        ...{ ifindex: cable.far.ifindex, outerVlan: 0, innerVlan: 0 },
        ...{ address: far(), mac: NEW_MAC },
      });
      await reported(far(), NEW_MAC);
    } finally {
      await peer.kill();
    }
  });

  test('an address that nobody has is reported as null', async () => {
    expect(await add(NOBODY[family])).toBeNull();
    await reported(NOBODY[family], null);
  });

  test('an address that falls silent is reported as null, and its return as its MAC', async () => {
    await add(far());
    await reported(far(), cable.far.mac);
    const prefix = family === 4 ? `${far()}/24` : `${far()}/64`;
    await inFar('address', 'delete', prefix, 'dev', PORT);
    await reportedOnTraffic(far(), null);
    await inFar('address', 'add', prefix, 'dev', PORT, ...(family === 6 ? ['nodad'] : []));
    await reportedOnTraffic(far(), cable.far.mac);
  });

  test('an address that is not watched is not reported', async () => {
    await add(NOBODY[family]);
    await inNear('neigh', 'add', far(), 'lladdr', NEW_MAC, 'dev', PORT);
    await reported(NOBODY[family], null);
    expect(latest(far())).toBeUndefined();
  });

  test('an address is not reported after remove(), which removes its entry', async () => {
    await add(far());
    await reported(far(), cable.far.mac);
    await remove(far());
    expect(await entryOf(far())).toBe('');
    await inNear('neigh', 'add', far(), 'lladdr', NEW_MAC, 'dev', PORT);
    await add(NOBODY[family]);
    await reported(NOBODY[family], null);
    expect(latest(far())).not.toBe(NEW_MAC);
  });

  test('close() removes every entry that it had the kernel manage', async () => {
    await add(far());
    await add(NOBODY[family]);
    await reported(far(), cable.far.mac);
    expect(await entryOf(far())).toContain('managed');
    await close();
    expect(await entryOf(far())).toBe('');
    expect(await entryOf(NOBODY[family])).toBe('');
  });

  test('an entry that the administrator made permanent is used and left alone', async () => {
    await inNear('neigh', 'add', far(), 'lladdr', NEW_MAC, 'dev', PORT, 'nud', 'permanent');
    const before = await entryOf(far());
    expect(await add(far())).toBe(NEW_MAC);
    expect(await entryOf(far())).toBe(before);
    await remove(far());
    expect(await entryOf(far())).toBe(before);
    await add(far());
    await close();
    expect(await entryOf(far())).toBe(before);
  });
});

test('add() throws for a port that does not exist, and watches nothing', async () => {
  const nowhere = { ifindex: 4_000_000, ip: cable.far.ipv4 };
  await expect(addon.call('watch', 'add', nowhere)).rejects.toMatchObject({ code: 'ENODEV' });
  await close();
});

test('close() goes through where the port has gone in the meantime', async () => {
  await add(cable.far.ipv4);
  await reported(cable.far.ipv4, cable.far.mac);
  await inNear('link', 'delete', PORT);
  await reported(cable.far.ipv4, null);
  await close();
});
