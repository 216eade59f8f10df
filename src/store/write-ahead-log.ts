// SPDX-License-Identifier: Apache-2.0
// As much of SQLite's write-ahead log (https://sqlite.org/fileformat2.html#walformat) as it takes
// to tell damage from a transaction that did not come to its end.

const headerBytes = 32;
const frameHeaderBytes = 24;
const magic = 0x377f0682;

/** Two sums of 32 bits. */
type Checksum = readonly [number, number];

class Log {
  readonly #view: DataView;
  readonly #isLittleEndian: boolean;
  readonly #frameBytes: number;
  /** Of the log since it was last begun anew. */
  readonly #salts: Checksum;
  /** What the first frame's checksum goes on from; null: the header is none. */
  readonly start: Checksum | null;
  readonly frames: number;

  constructor(content: Buffer) {
    this.#view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    // Its lowest bit says how the words are read that checksums are of.
    this.#isLittleEndian = this.#view.getUint32(0) === magic;
    this.#frameBytes = frameHeaderBytes + this.#view.getUint32(8);
    this.#salts = this.#pair(16);
    const sum = this.#sum([0, 0], { from: 0, bytes: headerBytes - 8 });
    const isHeader =
      (this.#view.getUint32(0) & ~1) === magic && isSame(sum, this.#pair(headerBytes - 8));
    this.start = isHeader ? sum : null;
    this.frames = isHeader
      ? Math.floor((content.byteLength - headerBytes) / this.#frameBytes)
      : Number.NaN;
  }

  /** Whether the frame was written after one with this checksum. */
  follows(frame: number, before: Checksum): boolean {
    if (frame >= this.frames) return false;
    const at = this.#at(frame);
    if (!isSame(this.#pair(at + 8), this.#salts)) return false;
    const head = this.#sum(before, { from: at, bytes: 8 });
    const page = { from: at + frameHeaderBytes, bytes: this.#frameBytes - frameHeaderBytes };
    return isSame(this.#sum(head, page), this.checksum(frame));
  }

  /** As the frame has it. */
  checksum(frame: number): Checksum {
    return this.#pair(this.#at(frame) + 16);
  }

  /** Whether it is the last one of a transaction. */
  isCommit(frame: number): boolean {
    return this.#view.getUint32(this.#at(frame) + 4) !== 0;
  }

  #at(frame: number): number {
    return headerBytes + frame * this.#frameBytes;
  }

  #pair(at: number): Checksum {
    return [this.#view.getUint32(at), this.#view.getUint32(at + 4)];
  }

  #sum([a, b]: Checksum, { from, bytes }: { from: number; bytes: number }): Checksum {
    for (let at = from; at < from + bytes; at += 8) {
      a = (a + this.#view.getUint32(at, this.#isLittleEndian) + b) >>> 0;
      b = (b + this.#view.getUint32(at + 4, this.#isLittleEndian) + a) >>> 0;
    }
    return [a, b];
  }
}

/**
 * What of the log is damaged, though it was on the disk: null = nothing that can be told. SQLite ends
 * such a log before the damage, as one that was interrupted there, and with it what was committed.
 *
 * A transaction begins when the one before is on the disk. So a frame that follows on a committed
 * one proves all before it. In the last transaction damage looks like an interruption.
 */
export function damageOf(content: Buffer): string | null {
  // Before its first frame, there is nothing to lose.
  if (content.length <= headerBytes + frameHeaderBytes) return null;
  const log = new Log(content);
  if (log.start === null) return 'its header';
  let sum = log.start;
  let first = 0;
  while (log.follows(first, sum)) sum = log.checksum(first++);
  for (let frame = first; frame < log.frames - 1; frame++)
    if (log.isCommit(frame) && log.follows(frame + 1, log.checksum(frame)))
      return `frame ${first + 1} of ${log.frames}`;
  return null;
}

function isSame(a: Checksum, b: Checksum): boolean {
  return a[0] === b[0] && a[1] === b[1];
}
