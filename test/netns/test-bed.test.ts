// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { NAMESPACE_DIRECTORY, processesIn, run } from '../support/namespaces.ts';
import { createTestBed } from '../support/test-bed.ts';

test('nothing is left of a test bed: no namespace, process, port or file', async () => {
  const bed = await createTestBed({ amphorae: 1 });
  const daemon = await DaemonProcess.start(bed);
  const { client, router, bridge, distributor, amphorae } = bed.namespaces;
  const namespaces = [client, router, bridge, distributor, ...amphorae];
  expect(processesIn(namespaces)).toContain(daemon.pid);
  await bed.remove();
  for (const name of namespaces) expect(existsSync(`${NAMESPACE_DIRECTORY}/${name}`)).toBe(false);
  expect(existsSync(`/proc/${daemon.pid}/exe`)).toBe(false);
  expect(existsSync(bed.directory)).toBe(false);
  expect(await run(null, ['ip', 'link'])).not.toContain('fe0');
});
