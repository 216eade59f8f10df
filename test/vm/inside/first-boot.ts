// SPDX-License-Identifier: Apache-2.0
import { appendFileSync } from 'node:fs';
import { Client } from '../../../src/cli/client.ts';
import { run } from '../../support/namespaces.ts';
import type { TestBed } from '../../support/test-bed.ts';
import { TestDistributor } from '../../support/test-distributor.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { Checks } from './checks.ts';
import { checkConfinement } from './confinement.ts';
import { describeProgram } from './program.ts';
import {
  connect,
  describePlacement,
  place,
  surround,
  unbroken,
  type Placement,
} from './traffic.ts';
import { mainPid, property, systemctl, unitLog, untilRestarted } from './unit.ts';

export const SOCKET = '/run/distributord/distributord.sock';
const CONFIGURATION = '/etc/distributord/distributord.yaml';

/** What the second boot has to know of the first. */
export interface Before {
  readonly distributor: string;
  readonly placement: Placement;
}

/** Installed, as a package would be, and never started. */
export async function firstBoot(checks: Checks): Promise<Before> {
  await checks.check('the installed unit starts', async () => {
    await run(null, ['systemd-sysusers']);
    await systemctl('daemon-reload');
    const started = performance.now();
    await systemctl('enable', '--now', 'distributord');
    const seconds = (performance.now() - started) / 1000;
    const [kernel] = await Promise.all([run(null, ['uname', '-r']), expectActive()]);
    const systemd = (await run(null, ['systemctl', '--version'])).split('\n')[0] ?? '';
    return `ready after ${seconds.toFixed(0)} s; Linux ${kernel.trim()}, ${systemd}`;
  });
  await checks.check('it is confined as the unit says', checkConfinement);
  await checks.check('the verifier accepts the program', describeProgram);

  await using bed = await surround();
  const client = new Client(SOCKET, { timeoutMs: 120_000 });
  const distributor = await create(bed, client);
  let placement: Placement = {};
  await checks.check('traffic reaches both amphorae', async () => {
    placement = await place(bed);
    return describePlacement(placement, ['amphora-1', 'amphora-2']);
  });
  await checks.check('connections exchange bytes', () => connect(bed));
  await checks.check('one drains and comes back', () => drain(bed, distributor));
  await changeDaemon(checks, bed);
  client.close();
  return { distributor: distributor.id, placement };
}

async function expectActive(): Promise<void> {
  const state = `${await property('Type')} ${await property('ActiveState')}/${await property('SubState')}`;
  if (state !== 'notify active/running') throw new Error(`the unit is ${state}`);
}

/** One amphora is told by its MAC, the other one's is found in the neighbour table. */
async function create(bed: TestBed, client: Client): Promise<TestDistributor> {
  const [first, second] = bed.amphorae;
  if (first === undefined || second === undefined) throw new Error('no two amphorae');
  const distributor = await TestDistributor.create(bed, { client }, { amphorae: [first] });
  await distributor.register([second], { byAddress: true });
  return distributor;
}

async function drain(bed: TestBed, distributor: TestDistributor): Promise<string> {
  const draining = bed.amphora(1);
  const kept = await unbroken(bed, () => distributor.drain(draining));
  const fresh = describePlacement(await place(bed), ['amphora-2']);
  const reports = await bed.clients.report({ amphora: draining.name });
  await waitUntil('the drain to count what is left', async () => {
    const { remaining } = await distributor.drainOf(draining);
    return remaining?.tcp === reports.length;
  });
  await distributor.register([draining]);
  return `${kept}; then ${fresh}; ${reports.length} connections left`;
}

/** What an operator, or bad luck, does to the daemon. */
async function changeDaemon(checks: Checks, bed: TestBed): Promise<void> {
  await checks.check('systemctl restart', () =>
    unbroken(bed, async () => {
      await systemctl('restart', 'distributord');
      await expectActive();
    }),
  );
  await checks.check('kill -9', () =>
    unbroken(bed, async () => {
      process.kill(await mainPid(), 'SIGKILL');
      await untilRestarted(1);
    }),
  );
  await checks.check('systemctl reload', async () => {
    appendFileSync(CONFIGURATION, 'log: {level: debug}\n');
    await systemctl('reload', 'distributord');
    await waitUntil('the log to tell', async () =>
      (await unitLog()).includes('"event":"reloaded"'),
    );
    return 'log.level is debug';
  });
  await checks.check('the watchdog ends one that hangs', () =>
    unbroken(bed, async () => {
      process.kill(await mainPid(), 'SIGSTOP');
      await untilRestarted(2);
      if (!(await unitLog()).includes('Watchdog timeout')) throw new Error('not by the watchdog');
    }),
  );
  await checks.check('systemctl stop leaves forwarding on', async () => {
    await systemctl('stop', 'distributord');
    return unbroken(bed, () => Promise.resolve());
  });
  await checks.check('systemctl start takes it over', () =>
    unbroken(bed, async () => {
      // Six starts in five minutes are more than the unit allows.
      await systemctl('reset-failed', 'distributord');
      await systemctl('start', 'distributord');
      if (!(await unitLog()).includes('kernel state adopted')) throw new Error('nothing adopted');
    }),
  );
}
