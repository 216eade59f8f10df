// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { NAMESPACE_DIRECTORY, processesIn, run } from '../support/namespaces.ts';
import { createTestBed, type TestBed } from '../support/test-bed.ts';
import { waitUntil } from '../support/wait-until.ts';

test('nothing is left of a test bed: no namespace, process, port or file', async () => {
  const bed = await createTestBed({ amphorae: 1, pathMtu: 1400 });
  const second = await createTestBed({ amphorae: 1, tenant: { name: 'blue', host: bed } });
  const daemon = await DaemonProcess.start(bed);
  const { distributor } = bed.namespaces;
  const own = namespacesOf(bed);
  const ofSecond = namespacesOf(second).filter((name) => name !== distributor);
  expect(processesIn(own)).toContain(daemon.pid);
  expect(await run(distributor, ['ip', 'link'])).toContain(second.distributorPort);

  await second.remove();
  for (const name of ofSecond) expect(existsSync(`${NAMESPACE_DIRECTORY}/${name}`)).toBe(false);
  for (const name of own) expect(existsSync(`${NAMESPACE_DIRECTORY}/${name}`)).toBe(true);
  // A port goes with the namespace of its other end, which the kernel takes a moment to clear away.
  await waitUntil(
    'the port in the network of the second tenant to be gone',
    async () => !(await run(distributor, ['ip', 'link'])).includes(second.distributorPort),
  );

  await bed.remove();
  for (const name of own) expect(existsSync(`${NAMESPACE_DIRECTORY}/${name}`)).toBe(false);
  expect(existsSync(`/proc/${daemon.pid}/exe`)).toBe(false);
  expect(existsSync(bed.directory)).toBe(false);
  expect(existsSync(second.directory)).toBe(false);
  expect(await run(null, ['ip', 'link'])).not.toContain('fe0');
});

function namespacesOf(bed: TestBed): string[] {
  const { client, gateway, router, bridge, distributor, amphorae } = bed.namespaces;
  return [client, ...(gateway === null ? [] : [gateway]), router, bridge, distributor, ...amphorae];
}
