// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';

/** By how much longer everything may take than on a machine of today: emulated ones are slow. */
const patience = Number(process.env['TEST_PATIENCE'] ?? 1);

export interface WaitOptions {
  /** How long the condition may take to become true. */
  readonly deadlineMs?: number;
  readonly everyMs?: number;
}

/**
 * Resolves when `condition` is true; rejects naming `what` after the deadline. An error thrown by the
 * condition ends the wait: "not yet" is said by returning false.
 */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  options: WaitOptions = {},
): Promise<void> {
  const { everyMs = 20 } = options;
  const deadlineMs = (options.deadlineMs ?? 5000) * patience;
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error(`waited ${deadlineMs.toString()} ms in vain for ${what}`);
    }
    await delay(everyMs);
  }
}
