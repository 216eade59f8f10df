// SPDX-License-Identifier: Apache-2.0
// Runs frames through the data path and holds all that comes of each against the oracle.
import { native, type NativeFlow } from '../../src/datapath/native.ts';
import { becomeAdvertisement, becomeArpAnnouncement, becomeArpReply, setMac } from './answers.ts';
import { mayBecome } from './ends-oracle.ts';
import { FuzzFrame, onesSum } from './frame.ts';
import { hexOf } from './hex.ts';
import type { Judgement } from './judgement.ts';
import { macNumber } from './mac.ts';
import { Oracle } from './oracle.ts';
import { ownerBit } from './pins.ts';
import type { Tenants } from './tenants.ts';
import * as verdicts from './verdicts.ts';
import { Violation } from './violation.ts';
import { portAt, vipAt, vipName, vips } from './world.ts';

const VERDICTS = native.verdicts.length;
const ACTIONS = { drop: 1, pass: 2, tx: 3 } as const;
const NO_VIP = 0;
/** ms: at most one defence of a VIP. */
const DEFENCE_INTERVAL = 1000;

export class Checker {
  readonly #tenants: Tenants;
  readonly #oracle: Oracle;
  readonly #expected = new FuzzFrame();
  /** What the counters should be, by element: verdicts, then bytes. */
  readonly #packets = Array.from({ length: vips.length + 1 }, () => new Float64Array(VERDICTS));
  readonly #bytes = new Float64Array(vips.length + 1);
  /** By verdict, of all frames. */
  readonly reached = new Float64Array(VERDICTS);

  constructor(tenants: Tenants) {
    this.#tenants = tenants;
    this.#oracle = new Oracle(tenants);
  }

  /** To be called after every reset of the tenants: the counters are 0 again, but that of no VIP. */
  begin(): void {
    for (let element = 0; element <= vips.length; element++) {
      const { packets, bytes } = this.#tenants.datapath.vipCounters(element);
      this.#packets[element]?.set(packets);
      this.#bytes[element] = bytes;
      if (element !== NO_VIP && (bytes !== 0 || packets.some((count) => count !== 0)))
        throw new Violation(`counters of ${elementName(element)} are not 0 after resetVip`);
    }
  }

  /** @throws Violation */
  check(frame: FuzzFrame): { readonly verdict: number } {
    const judgement = this.#oracle.judge(frame);
    const before = this.#tenants.entryOf(judgement.flow);
    const input = { frame: frame.bytes, ifindex: this.#tenants.ifindex(frame.port) };
    const from = performance.now();
    const { action, frame: out } = this.#tenants.datapath.testRun(input);
    const until = performance.now();
    const element = judgement.vip + 1;
    const verdict = this.#countedVerdict(element, judgement);
    if (action !== actionOf(verdict)) fail(judgement, verdict, `has XDP action ${action}`);
    if (!judgement.allows(verdict)) fail(judgement, verdict, 'is not what the frame deserves');
    this.#checkFrame(frame, out, { judgement, verdict });
    this.#note(out, { judgement, verdict });
    this.#checkEntry(before, { judgement, verdict });
    this.#checkDefence(judgement, verdict, { from, until });
    return { verdict };
  }

  /** Every counter of every VIP. @throws Violation */
  checkAllCounters(): void {
    for (let element = 0; element <= vips.length; element++) {
      const { packets, bytes } = this.#tenants.datapath.vipCounters(element);
      packets.forEach((count, verdict) => {
        const wanted = this.#packets[element]?.[verdict] ?? 0;
        if (count !== wanted)
          throw new Violation(
            `${elementName(element)} has ${count} of ${verdicts.verdictName(verdict)}, not ${wanted}`,
          );
      });
      if (bytes !== this.#bytes[element])
        throw new Violation(
          `${elementName(element)} has ${bytes} bytes, not ${this.#bytes[element]}`,
        );
    }
  }

  /** The one verdict that the element of the VIP has counted since the last frame. */
  #countedVerdict(element: number, judgement: Judgement): number {
    const { packets, bytes } = this.#tenants.datapath.vipCounters(element);
    const before = this.#packets[element];
    let counted = -1;
    if (before === undefined) throw new RangeError(`no element ${element}`);
    for (let verdict = 0; verdict < VERDICTS; verdict++) {
      const more = (packets[verdict] ?? 0) - (before[verdict] ?? 0);
      if (more === 0) continue;
      if (counted >= 0 || more !== 1) throw new Violation(`${elementName(element)} counted twice`);
      counted = verdict;
    }
    if (counted < 0)
      throw new Violation(
        `${elementName(element)} counted nothing; expected one of ${judgement.allowedNames}`,
      );
    const moreBytes = bytes - (this.#bytes[element] ?? 0);
    const wanted = verdicts.FORWARDED.has(counted) ? judgement.accounted : 0;
    if (moreBytes !== wanted) fail(judgement, counted, `counted ${moreBytes} bytes, not ${wanted}`);
    before[counted] = (before[counted] ?? 0) + 1;
    this.#bytes[element] = bytes;
    this.reached[counted] = (this.reached[counted] ?? 0) + 1;
    return counted;
  }

  #checkFrame(
    frame: FuzzFrame,
    out: Buffer,
    { judgement, verdict }: { readonly judgement: Judgement; readonly verdict: number },
  ): void {
    const expected = this.#expected;
    expected.set(frame.bytes);
    expected.port = frame.port;
    const at = judgement.networkOffset;
    const mac = macNumber(portAt(frame.port).mac);
    if (verdicts.FORWARDED.has(verdict)) this.#becomeForwarded(expected, out, judgement);
    else if (verdict === verdicts.TX_ARP_REPLY) becomeArpReply(expected, at, mac);
    else if (verdict === verdicts.TX_ADVERTISEMENT) {
      const { to, probe, vipAt } = judgement.answer;
      becomeAdvertisement(expected, { at, mac, to: probe ? null : to, vipAt });
    } else if (verdict === verdicts.TX_VIP_DEFENDED) {
      if (frame.u16(at - 2) === 0x0806) becomeArpAnnouncement(expected, at, mac);
      else becomeAdvertisement(expected, { at, mac, to: null, vipAt: judgement.answer.vipAt });
    }
    if (!out.equals(expected.bytes))
      fail(judgement, verdict, `left as ${hexOf(out)},\nnot as ${hexOf(expected.bytes)}`);
    if (!verdicts.FORWARDED.has(verdict)) return;
    const owner = this.#tenants.ownerWithMac(distributorOf(judgement), expected.mac(0));
    if (owner === 0) fail(judgement, verdict, `went to no amphora of the VIP's distributor`);
    if ((judgement.ownersOf(verdict) & ownerBit(owner)) === 0)
      fail(judgement, verdict, `went to owner ${owner}, of ${judgement.ownersOf(verdict)} (bits)`);
  }

  /** The destination MAC and, of IPv4, a checksum that is as right as it was, are taken over. */
  #becomeForwarded(expected: FuzzFrame, out: Buffer, { networkOffset: at, vip }: Judgement): void {
    const sum = onesSum(expected.view, at, at + 20);
    setMac(expected, 0, out.readUIntBE(0, 6));
    setMac(expected, 6, macNumber(portAt(expected.port).mac));
    if (vipAt(vip).family === 6) {
      expected.view.setUint8(at + 7, expected.u8(at + 7) - 1);
      return;
    }
    expected.view.setUint8(at + 8, expected.u8(at + 8) - 1);
    const checksum = out.readUInt16BE(at + 10);
    expected.view.setUint16(at + 10, checksum);
    // Options are not changed: what they add to the sum is the same before and after.
    if (onesSum(expected.view, at, at + 20) % 0xffff !== sum % 0xffff)
      throw new Violation(`IPv4 header checksum ${checksum.toString(16)} does not fit the new TTL`);
  }

  /** Whether the flow's entry says the right thing of its connection's end. */
  #checkEntry(
    before: NativeFlow | null,
    { judgement, verdict }: { readonly judgement: Judgement; readonly verdict: number },
  ): void {
    const { flow, says } = judgement;
    const after = this.#tenants.entryOf(flow);
    const isLive = before !== null && this.#tenants.isLive(flow, before);
    if (mayBecome({ says, verdict, before, after, isLive })) return;
    const [was, is, said] = [before, after, says].map((what) => JSON.stringify(what));
    fail(judgement, verdict, `made of the entry ${was}\nthis: ${is}\nby ${said}`);
  }

  /** What the data path may know from now on. */
  #note(
    out: Buffer,
    { judgement, verdict }: { readonly judgement: Judgement; readonly verdict: number },
  ): void {
    const { memory } = this.#tenants;
    const { flow, datagram, ports } = judgement;
    const isForwarded = verdicts.FORWARDED.has(verdict);
    if (datagram !== '') memory.noteFirstFragment(datagram, ports);
    if (flow !== '' && isForwarded) {
      const owner = this.#tenants.ownerWithMac(distributorOf(judgement), out.readUIntBE(0, 6));
      memory.mayPin(flow, owner);
    }
    if (flow !== '' && verdict === verdicts.DROP_LOOP)
      for (let owner = 1; ownerBit(owner) <= judgement.loopOwners; owner++)
        if ((judgement.loopOwners & ownerBit(owner)) !== 0) memory.mayPin(flow, owner);
  }

  /** The frame was judged at some moment of `run` (ms): defences are as far apart as they must. */
  #checkDefence(
    judgement: Judgement,
    verdict: number,
    run: { readonly from: number; readonly until: number },
  ): void {
    const { vip } = judgement;
    const { defendedFrom, defendedUntil } = this.#tenants;
    const longest = run.until - (defendedFrom[vip] ?? 0);
    const shortest = run.from - (defendedUntil[vip] ?? 0);
    if (verdict === verdicts.TX_VIP_DEFENDED) {
      if (longest < DEFENCE_INTERVAL) fail(judgement, verdict, `again after ${longest} ms`);
      defendedFrom[vip] = run.from;
      defendedUntil[vip] = run.until;
    } else if (verdict === verdicts.PASS_VIP_CLAIMED && shortest > DEFENCE_INTERVAL)
      fail(judgement, verdict, `though the last defence was ${shortest} ms ago`);
  }
}

function distributorOf({ vip }: Judgement): number {
  return vipAt(vip).distributor.index;
}

function actionOf(verdict: number): number {
  const [action = ''] = verdicts.verdictName(verdict).split('_');
  return ACTIONS[action as keyof typeof ACTIONS];
}

function fail(judgement: Judgement, verdict: number, what: string): never {
  const expected = `allowed: ${judgement.allowedNames}, by ${elementName(judgement.vip + 1)}`;
  throw new Violation(`${verdicts.verdictName(verdict)} ${what}\n${expected}`);
}

function elementName(element: number): string {
  return element === NO_VIP ? 'no VIP' : vipName(vipAt(element - 1));
}
