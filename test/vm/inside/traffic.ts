// SPDX-License-Identifier: Apache-2.0
import type { ConnectionReport } from '../../support/client-protocol.ts';
import { run } from '../../support/namespaces.ts';
import { createTestBed, type TestBed } from '../../support/test-bed.ts';

/** The machine's own network, under a name. */
const HOST = 'host';
const FAMILIES = [4, 6] as const;
const CLIENTS = Array.from({ length: 24 }, (_, client) => client);
const CONNECTIONS = 12; // of each family
/** An emulated machine is slow; what is lost never comes. */
const LIMITS = { stallMs: 60_000, connectTimeoutMs: 60_000, intervalMs: 500 };
const EXCHANGE = { deadlineMs: 90_000 };

/** Amphora by `family/client`. */
export type Placement = Readonly<Record<string, string>>;

/** Clients, router, bridge and two amphorae around this machine, with a port of it on the bridge. */
export async function surround(): Promise<TestBed> {
  if (!(await run(null, ['ip', 'netns', 'list'])).includes(HOST))
    await run(null, ['ip', 'netns', 'attach', HOST, '1']);
  return createTestBed({ amphorae: 2, distributorNamespace: HOST });
}

/** One new connection from each client; all must be answered. */
export async function place(bed: TestBed): Promise<Placement> {
  const placement: Record<string, string> = {};
  for (const family of FAMILIES)
    for (const { client, amphora, error } of await bed.clients.probe({
      ...{ family, clients: CLIENTS, timeoutMs: LIMITS.connectTimeoutMs },
    })) {
      if (amphora === null) throw new Error(`client ${family}/${client}: ${String(error)}`);
      placement[`${family}/${client}`] = amphora;
    }
  return placement;
}

/** In words; throws where not all of `amphorae`, and no others, were reached. */
export function describePlacement(placement: Placement, amphorae: readonly string[]): string {
  const reached = Object.values(placement);
  const names = [...new Set(reached)].sort();
  if (names.join() !== [...amphorae].sort().join())
    throw new Error(`reached: ${names.join(', ')}, not ${amphorae.join(', ')}`);
  const shares = names.map((name) => `${reached.filter((other) => other === name).length} ${name}`);
  return `${reached.length} clients: ${shares.join(', ')}`;
}

/** Connections of both families that exchange bytes from then on. */
export async function connect(bed: TestBed): Promise<string> {
  for (const family of FAMILIES)
    await bed.clients.openConnections({ ...LIMITS, family, count: CONNECTIONS });
  return unbroken(bed, () => Promise.resolve());
}

/** What happens to the connections, and to new ones of all clients, while `action` goes on. */
export async function unbroken(bed: TestBed, action: () => Promise<void>): Promise<string> {
  const before = bytesOf(await bed.clients.report());
  const [fresh] = await Promise.all([place(bed), action()]);
  const reports = await bed.clients.waitForExchange(EXCHANGE);
  const alive = reports.filter((report) => report.alive).length;
  const broken = reports.filter((report) => report.broken !== null);
  if (broken.length > 0 || alive !== CONNECTIONS * FAMILIES.length)
    throw new Error(`${alive} alive, broken: ${JSON.stringify(broken)}`);
  const bytes = bytesOf(reports) - before;
  return `${alive} connections, 0 broken, ${bytes.toLocaleString('en')} bytes; ${Object.keys(fresh).length} new ones`;
}

function bytesOf(reports: readonly ConnectionReport[]): number {
  return reports.reduce((sum, { bytesEchoed }) => sum + bytesEchoed, 0);
}
