// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { run } from '../../support/namespaces.ts';
import { unitCapabilities } from '../../support/service-unit.ts';
import { mainPid, processStatus } from './unit.ts';

function expectEqual(what: string, found: string, wanted: string): void {
  if (found !== wanted) throw new Error(`${what} is ${found}, not ${wanted}`);
}

/** <linux/capability.h> */
const capabilityNumbers: Readonly<Record<string, bigint>> = {
  ...{ net_admin: 12n, net_raw: 13n, perfmon: 38n, bpf: 39n },
};

/** A set as /proc writes it. */
function maskOf(capabilities: readonly string[]): string {
  const bits = capabilities.map((name) => {
    const number = capabilityNumbers[name];
    if (number === undefined) throw new RangeError(`CapabilityBoundingSet: what is ${name}?`);
    return 1n << number;
  });
  return bits
    .reduce((set, bit) => set | bit, 0n)
    .toString(16)
    .padStart(16, '0');
}

/** `ro` or `rw`, by mount point, as a process sees them. */
function mountOptions(pid: number): ReadonlyMap<string, string> {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [, , , , point = '', options = ''] = line.split(' ');
      return [point, options.split(',')[0] ?? ''];
    }),
  );
}

/** That the unit's user, capabilities, filters and mounts are those of the process. */
export async function checkConfinement(): Promise<string> {
  const user = (await run(null, ['id', '-u', 'distributord'])).trim();
  const [uid = ''] = (await processStatus('Uid')).split('\t');
  expectEqual('the user', uid, user);
  if (user === '0') throw new Error('it runs as root');
  const set = (await processStatus('CapEff')).trim();
  expectEqual('the capabilities', set, maskOf(unitCapabilities()));
  expectEqual('the bounding set', await processStatus('CapBnd'), set);
  expectEqual('no-new-privileges', await processStatus('NoNewPrivs'), '1');
  expectEqual('seccomp', await processStatus('Seccomp'), '2');
  const mounts = mountOptions(await mainPid());
  for (const [point, options] of [
    ['/', 'ro'],
    ['/sys/fs/bpf', 'ro'],
    ['/sys/fs/bpf/distributord', 'rw'],
  ] as const)
    expectEqual(`the mount ${point}`, mounts.get(point) ?? 'none', options);
  const exposure = await run(null, ['systemd-analyze', 'security', '--no-pager', 'distributord']);
  const level = /exposure level for \S+: ([\d.]+)/.exec(exposure)?.[1] ?? '?';
  return `user ${user}, ${unitCapabilities().length} capabilities, seccomp, / read-only; exposure ${level}`;
}
