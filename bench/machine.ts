// SPDX-License-Identifier: Apache-2.0
import { cpus, release, totalmem } from 'node:os';

/** What the figures were measured on: they are ratios, and differ from machine to machine. */
export function describeMachine() {
  const [first] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: first?.model ?? 'unknown processor',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
}
