// SPDX-License-Identifier: Apache-2.0
import type { Timestamp, Timestamp__Output } from '../../build/proto/google/protobuf/Timestamp.ts';

/** Milliseconds since the epoch as they travel; null = absent. */
export function toTimestamp(time: number | null): Timestamp | null {
  if (time === null) return null;
  const seconds = Math.floor(time / 1000);
  return { seconds, nanos: Math.round((time - seconds * 1000) * 1e6) };
}

/** Rounded up to whole milliseconds. */
export function fromTimestamp(timestamp: Timestamp__Output | null): number | null {
  return timestamp === null ? null : timestamp.seconds * 1000 + Math.ceil(timestamp.nanos / 1e6);
}

const yearOne = -62_135_596_800;
const endOfYear9999 = 253_402_300_799;

/** Whether it is one by the definition of google.protobuf.Timestamp. */
export function isTimestamp({ seconds, nanos }: Timestamp__Output): boolean {
  return seconds >= yearOne && seconds <= endOfYear9999 && nanos >= 0 && nanos < 1e9;
}
