// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from 'node:fs';
import { Client } from '../../../src/cli/client.ts';
import { run } from '../../support/namespaces.ts';
import type { TestBed } from '../../support/test-bed.ts';
import { TestDistributor } from '../../support/test-distributor.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { Checks } from './checks.ts';
import { SOCKET, type Before } from './first-boot.ts';
import { describePlacement, place, surround } from './traffic.ts';
import { property, systemctl } from './unit.ts';
import { runVitest } from './vitest.ts';

const PLACES = ['/etc', '/usr', '/var/lib'];
const PINS = '/sys/fs/bpf/distributord';

export async function secondBoot(checks: Checks, before: Before): Promise<void> {
  await checks.check('after a reboot the unit is up', async () => {
    const state = await property('ActiveState');
    if (state !== 'active') throw new Error(`it is ${state}`);
    return `${await property('StatusText')}; ${await property('NRestarts')} restarts`;
  });
  const bed = await surround();
  try {
    await checks.check('everything is back from the store', () => comeBack(bed, before));
    await checks.check('the shipped command sees it', async () => {
      const shown = await run(null, ['distributorctl', 'show', before.distributor]);
      for (const word of ['amphora-1', 'amphora-2', bed.vip.ipv4, bed.vip.ipv6])
        if (!shown.includes(word)) throw new Error(`no ${word} in ${shown}`);
      return 'both amphorae, both VIPs';
    });
    await checks.check('teardown ends it', () => tearDown(bed));
  } finally {
    await bed.remove();
  }
  await checks.check('uninstalling leaves nothing', uninstall);
  for (const project of ['packets', 'native'])
    await checks.check(`the tests of project ${project}`, () => runVitest(project));
}

/** The port was not there as the daemon started; and every client goes where it went before. */
async function comeBack(bed: TestBed, { distributor: id, placement }: Before): Promise<string> {
  const client = new Client(SOCKET, { timeoutMs: 120_000 });
  const distributor = TestDistributor.of(id, bed, { client });
  await waitUntil('the port to be taken up', async () => {
    const { conditions } = await distributor.status();
    return conditions.length === 0;
  });
  const now = await place(bed);
  client.close();
  const moved = Object.keys(now).filter((key) => now[key] !== placement[key]);
  if (moved.length > 0) throw new Error(`clients elsewhere than before: ${moved.join(', ')}`);
  return `${describePlacement(now, ['amphora-1', 'amphora-2'])}; as before`;
}

async function tearDown(bed: TestBed): Promise<string> {
  await systemctl('stop', 'distributord');
  const said = await run(null, ['distributorctl', 'teardown']);
  const link = await run(null, ['ip', '-details', 'link', 'show', bed.distributorPort]);
  if (link.includes('xdp')) throw new Error(`the port has still a program: ${link}`);
  if (existsSync(PINS) && readdirSync(PINS).length > 0)
    throw new Error(`still pinned: ${readdirSync(PINS).join(', ')}`);
  if ((await run(null, ['bpftool', 'prog', 'show'])).includes('name distributor'))
    throw new Error('the kernel still has the program');
  return said.trim();
}

async function uninstall(): Promise<string> {
  const script = ['sh', 'scripts/uninstall.sh', '/usr'];
  await run(null, ['env', 'PURGE=1', ...script]);
  const left = await run(null, ['sh', '-c', `find ${PLACES.join(' ')} -xdev -name 'distributor*'`]);
  if (left !== '') throw new Error(`left: ${left}`);
  const loaded = await property('LoadState');
  if (loaded !== 'not-found') throw new Error(`the unit is ${loaded}`);
  return 'no file, no unit';
}
