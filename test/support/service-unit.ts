// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const UNIT = join(import.meta.dirname, '../../packaging/distributord.service');

/** All values of a setting of the unit that is shipped, in order. */
export function unitSetting(name: string): readonly string[] {
  return readFileSync(UNIT, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));
}

/** Names of capabilities as setpriv writes them: without `CAP_`. */
export function unitCapabilities(): readonly string[] {
  const names = unitSetting('CapabilityBoundingSet').join(' ').split(' ');
  return names.map((name) => name.replace(/^CAP_/, '').toLowerCase());
}

const familyNumbers: Readonly<Record<string, number>> = {
  ...{ AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16, AF_PACKET: 17 },
};

export function unitAddressFamilies(): readonly number[] {
  const names = unitSetting('RestrictAddressFamilies').join(' ').split(' ');
  return names.map((name) => {
    const number = familyNumbers[name];
    if (number === undefined) throw new RangeError(`RestrictAddressFamilies: what is ${name}?`);
    return number;
  });
}

/** The system calls that the unit leaves, with its groups resolved by systemd itself. */
export function unitSystemCalls(): ReadonlySet<string> {
  const groups = systemCallGroups();
  const resolve = (name: string): readonly string[] => {
    if (!name.startsWith('@')) return [name];
    const members = groups.get(name);
    if (members === undefined) throw new RangeError(`SystemCallFilter: what is ${name}?`);
    return members.flatMap(resolve);
  };
  // An allow list has this group without naming it.
  const allowed = new Set(resolve('@default'));
  for (const line of unitSetting('SystemCallFilter'))
    for (const call of line.replace(/^~/, '').split(' ').flatMap(resolve))
      if (line.startsWith('~')) allowed.delete(call);
      else allowed.add(call);
  return allowed;
}

function systemCallGroups(): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  let members: string[] = [];
  const text = execFileSync('systemd-analyze', ['syscall-filter', '--no-pager'], {
    encoding: 'utf8',
    // It remarks that it cannot see which calls the kernel has.
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for (const line of text.split('\n')) {
    if (line.startsWith('@')) groups.set(line.trim(), (members = []));
    else if (/^ +[@a-z]/.test(line)) members.push(line.trim());
  }
  return groups;
}
