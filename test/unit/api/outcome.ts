// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { CallError } from '../../../src/cli/client.ts';

/** How a call ended: `OK`, the reason of the daemon, or the code of what failed before it. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'OK';
  } catch (error) {
    expect(error).toBeInstanceOf(CallError);
    const { reason, code } = error as CallError;
    return reason ?? code;
  }
}

/** Likewise, of a stream: `OK` if it brings anything. */
export function firstOf(stream: AsyncIterable<unknown>): Promise<string> {
  const first = async () => {
    for await (const _ of stream) return;
  };
  return outcomeOf(first());
}
