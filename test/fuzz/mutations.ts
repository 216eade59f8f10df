// SPDX-License-Identifier: Apache-2.0
// Changes frames in place, at little cost: far more frames are mutated than built.
import type { Sample } from './corpus.ts';
import { LONGEST, onesSum, SHORTEST, type FuzzFrame } from './frame.ts';
import { ICMPV6 } from './ip-walk.ts';
import type { Random } from './random.ts';

/** Most of what the data path reads is in the headers. */
const HEADERS = 96;
const TELLING_BYTES = [0, 1, 2, 6, 17, 44, 58, 0x7f, 0x80, 0xfe, 0xff] as const;
const TELLING_WORDS = [0, 1, 7, 8, 19, 20, 27, 28, 0x2000, 0x4000, 0x7fff, 0xfff8, 0xffff] as const;
/** From the network header: lengths, identifications, fragment words, of either family. */
const LENGTH_FIELDS = [0, 2, 4, 6, 8, 22, 24, 40, 42, 44] as const;

export class Mutator {
  readonly #random: Random;
  readonly #corpus: readonly Sample[];

  constructor(random: Random, corpus: readonly Sample[]) {
    this.#random = random;
    this.#corpus = corpus;
  }

  /** The next frame to try. */
  fill(frame: FuzzFrame): void {
    const random = this.#random;
    if (random.oneIn(50)) {
      this.#fillAtRandom(frame);
      return;
    }
    const sample = random.pick(this.#corpus);
    frame.set(sample.bytes);
    frame.port = sample.port;
    if (random.oneIn(3)) return;
    for (let count = random.pick([1, 1, 1, 2, 3, 6]); count > 0; count--)
      this.#mutate(frame, sample);
    if (random.oneIn(2)) {
      makeIpv4ChecksumRight(frame, sample.networkOffset, random);
      makeNdpChecksumRight(frame, sample.networkOffset);
    }
  }

  #fillAtRandom(frame: FuzzFrame): void {
    const random = this.#random;
    frame.length = random.between(SHORTEST, 160);
    for (let at = 0; at < frame.length; at++) frame.buffer[at] = random.next();
    frame.port = random.below(2);
    // Behind a destination and a type that are looked at.
    const sample = random.pick(this.#corpus);
    if (random.oneIn(2)) frame.buffer.set(sample.bytes.subarray(0, random.pick([6, 12, 14, 18])));
  }

  #mutate(frame: FuzzFrame, { networkOffset }: Sample): void {
    const random = this.#random;
    const { view } = frame;
    const inHeaders = random.below(Math.min(frame.length, HEADERS));
    switch (random.below(9)) {
      case 0:
      case 1:
        view.setUint8(inHeaders, frame.u8(inHeaders) ^ (1 << random.below(8)));
        break;
      case 2:
        view.setUint8(inHeaders, random.pick(TELLING_BYTES));
        break;
      case 3:
        view.setUint8(random.below(frame.length), random.next());
        break;
      case 4:
        frame.length = random.between(SHORTEST, frame.length);
        break;
      case 5:
        this.#extend(frame);
        break;
      case 6:
        this.#splice(frame);
        break;
      case 7:
        view.setUint16(
          Math.min(networkOffset + random.pick(LENGTH_FIELDS), LONGEST - 2),
          random.oneIn(2) ? random.pick(TELLING_WORDS) : random.below(frame.length + 8),
        );
        break;
      default:
        this.#changeField(frame, networkOffset);
    }
  }

  /** What decides behind the VIP: all headers but the destination. */
  #changeField(frame: FuzzFrame, networkOffset: number): void {
    const random = this.#random;
    const isIpv4 = frame.u8(networkOffset) >>> 4 === 4;
    const [before, header] = isIpv4 ? [16, 20] : [24, 40];
    const at = random.oneIn(2) ? random.below(before) : header + random.below(48);
    frame.view.setUint8(networkOffset + at, random.next());
  }

  #extend(frame: FuzzFrame): void {
    const random = this.#random;
    const most = random.oneIn(64) ? LONGEST : Math.min(LONGEST, frame.length + 64);
    const length = random.between(frame.length, most);
    frame.buffer.fill(random.below(256), frame.length, length);
    frame.length = length;
  }

  /** The beginning stays, the end is another one's. */
  #splice(frame: FuzzFrame): void {
    const random = this.#random;
    const { bytes } = random.pick(this.#corpus);
    const at = random.between(SHORTEST, frame.length);
    const from = random.oneIn(2) ? Math.min(at, bytes.length) : random.below(bytes.length);
    const end = bytes.subarray(from, from + LONGEST - at);
    frame.buffer.set(end, at);
    frame.length = at + end.length;
  }
}

/** Where a carry or the two zeros of ones' complement matter, the identification makes it so. */
const TELLING_CHECKSUMS = [0xffff, 0xfeff, 0xff00, 0x0000, 0x00ff] as const;

function makeIpv4ChecksumRight(frame: FuzzFrame, header: number, random: Random): void {
  if (header + 20 > frame.length || frame.u8(header) >>> 4 !== 4) return;
  const end = header + Math.max(20, (frame.u8(header) & 0xf) * 4);
  if (end > frame.length) return;
  const isTelling = random.oneIn(8);
  const [given, found] = isTelling ? [10, 4] : [4, 10];
  if (isTelling) frame.view.setUint16(header + given, random.pick(TELLING_CHECKSUMS));
  frame.view.setUint16(header + found, 0);
  frame.view.setUint16(header + found, ~onesSum(frame.view, header, end));
}

function makeNdpChecksumRight(frame: FuzzFrame, header: number): void {
  const message = header + 40;
  if (message + 4 > frame.length || frame.u8(header) >>> 4 !== 6) return;
  const length = frame.u16(header + 4);
  if (frame.u8(header + 6) !== ICMPV6 || message + length > frame.length) return;
  frame.view.setUint16(message + 2, 0);
  const sum = onesSum(frame.view, header + 8, message + length) + length + ICMPV6;
  frame.view.setUint16(message + 2, ~((sum & 0xffff) + (sum >>> 16)));
}
