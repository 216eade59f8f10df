// SPDX-License-Identifier: Apache-2.0
import { run } from './namespaces.ts';
import type { Family } from './topology.ts';

export interface TracerouteOptions {
  readonly family: Family;
  readonly probe: 'udp' | 'icmp';
  readonly from: string;
  readonly to: string;
}

const MOST_HOPS = 8;

/** The hops of the way, nearest first; null for one that does not answer. */
export async function traceroute(
  namespace: string,
  { family, probe, from, to }: TracerouteOptions,
): Promise<(string | null)[]> {
  const output = await run(namespace, [
    ...['traceroute', `-${family}`, '-n', '-q', '2', '-w', '1', '-m', MOST_HOPS.toString()],
    ...(probe === 'icmp' ? ['-I'] : []),
    ...['-s', from, to],
  ]);
  // " 2  * 10.20.0.1  0.1 ms": the first that is not a missing answer.
  return [...output.matchAll(/^ *\d+ +(.*)$/gm)].map(
    ([, answers = '']) => answers.split(/ +/).find((word) => /[.:]/.test(word)) ?? null,
  );
}
