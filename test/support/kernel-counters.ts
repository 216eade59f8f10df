// SPDX-License-Identifier: Apache-2.0
import { run } from './namespaces.ts';

/** What the kernel counts of a namespace's protocols, named as `nstat` does: `IpInReceives`. */
export type KernelCounters = Readonly<Record<string, number>>;

export async function kernelCounters(namespace: string): Promise<KernelCounters> {
  const text = await run(namespace, ['cat', '/proc/net/snmp', '/proc/net/snmp6']);
  const counters: Record<string, number> = {};
  let header: readonly string[] | null = null;
  for (const line of text.trim().split('\n')) {
    const [first = '', ...rest] = line.split(/\s+/);
    if (!first.endsWith(':')) {
      counters[first] = Number(rest[0]);
    } else if (header === null) {
      header = rest;
    } else {
      const protocol = first.slice(0, -1);
      for (const [index, name] of header.entries()) counters[protocol + name] = Number(rest[index]);
      header = null;
    }
  }
  return counters;
}

/** How much each has grown; throws for one that the kernel does not have. */
export function growth(before: KernelCounters, after: KernelCounters) {
  return (...names: readonly string[]): number =>
    names.reduce((sum, name) => {
      const [from, to] = [before[name], after[name]];
      if (from === undefined || to === undefined) throw new RangeError(`no counter ${name}`);
      return sum + to - from;
    }, 0);
}

/** Frames that have arrived at a port, whatever became of them. */
export async function framesReceived(namespace: string, port: string): Promise<number> {
  const [link] = JSON.parse(
    await run(namespace, ['ip', '-json', '-statistics', 'link', 'show', port]),
  ) as [{ readonly stats64: { readonly rx: { readonly packets: number } } }];
  return link.stats64.rx.packets;
}
