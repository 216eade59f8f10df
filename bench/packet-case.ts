// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import type { NativeDatapath } from '../src/datapath/native.ts';
import { frameOf, type PacketKind } from './frames.ts';
import { refuseOthers, verdictsOf } from './verdicts.ts';
import { createWorld, type World } from './world.ts';

/** Packets of one kind that meet one world. */
export interface PacketCase extends World {
  readonly kind: PacketKind;
  /** Clients that send in turn. */
  readonly flows: number;
  /** None of the flows has been seen before. */
  readonly areNew?: boolean;
  /** What is to become of them, or the case does not measure what it says. */
  readonly verdict: string;
}

export interface PacketCost {
  /** ns: the bare MAC swap and its generator, the least of all rounds. */
  readonly bareNs: number;
  /** ns: what the program costs on top of that. */
  readonly addedNs: number;
  /** The second as a multiple of the first. */
  readonly ratio: number;
}

export interface Effort {
  readonly packets: number;
  readonly rounds: number;
}

interface Run extends Effort {
  /** log2 of the packets of a flow before the next one's. */
  readonly inARow: number;
}

/** What the program sees as the port of a test run without one. */
export const testRunPort = 1;
/** More flows than a case has packets. */
const endless = 2 ** 24;
/** An opening is confirmed by the next packet, before the opening of another flow takes its place. */
const introduction = { inARow: 1, rounds: 1 };

export async function measurePackets(one: PacketCase, effort: Effort): Promise<PacketCost> {
  const datapath = await createWorld(one, testRunPort);
  try {
    const flows = one.areNew === true ? endless : one.flows;
    const run = (how: Run) => runPackets(datapath, { ...one, flows }, how);
    if (one.areNew !== true) run({ ...introduction, packets: 2 * Math.max(flows, one.vips) });
    const before = verdictsOf(datapath);
    const runs = run({ ...effort, inARow: 0 });
    const met = refuseOthers(one, before, verdictsOf(datapath));
    // Only those of the first VIP are counted.
    const sent = (effort.packets * effort.rounds) / one.vips;
    if (met < 0.98 * sent)
      throw new Error(`${JSON.stringify(one)}: only ${met.toString()} packets reached the program`);
    // The least disturbed of several: on a shared machine everything else is noise.
    const bareNs = Math.min(...runs.map(([bare]) => bare));
    const addedNs = Math.min(...runs.map(([, ours]) => ours)) - bareNs;
    return { bareNs, addedNs, ratio: addedNs / bareNs };
  } finally {
    datapath.close();
  }
}

/** ns of both programs, by round. */
export function runPackets(
  datapath: NativeDatapath,
  { kind, family, flows, vips }: Pick<PacketCase, 'kind' | 'family' | 'flows' | 'vips'>,
  { inARow, packets, rounds }: Run,
): readonly (readonly [number, number])[] {
  const { programId } = datapath.inventory();
  const { hex, sourceAt, vipAt } = frameOf(kind, family);
  const argv = [programId, hex, flows, sourceAt, vips, vipAt, inARow, packets, rounds].map(String);
  const output = execFileSync('build/packet-cost', argv, { encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => {
      const [bare = 0, ours = 0] = line.split(' ').map(Number);
      return [bare, ours];
    });
}
