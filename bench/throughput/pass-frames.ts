// SPDX-License-Identifier: Apache-2.0
import { run } from '../../test/support/namespaces.ts';
import type { Place } from './contender.ts';

/** A port without a program of its own does not take frames that XDP has sent. */
export async function passFrames({ namespace, port }: Place): Promise<void> {
  const program = ['xdp', 'object', 'build/xdp-pass.o', 'section', 'xdp.frags'];
  await run(namespace, ['ip', 'link', 'set', port, ...program]);
}
