// SPDX-License-Identifier: Apache-2.0
import { removeSocket } from './api/unix-socket.ts';
import type { Config } from './config.ts';
import { attempt } from './datapath/native-failure.ts';
import { native } from './datapath/native.ts';
import { takeInstanceLock } from './instance-lock.ts';
import { removeStore } from './store/open-store.ts';

/** How many of each were removed. */
export interface Removed {
  /** Those that the program was attached to. */
  readonly ports: number;
  readonly groups: number;
  readonly neighbours: number;
}

export interface TearDownOptions {
  /** The store's file goes, too. */
  readonly purge: boolean;
}

/**
 * Removes what a daemon of this network namespace has left in the kernel, and its socket; its
 * VIPs get no more traffic. @throws Error if a daemon runs
 */
export async function tearDown(
  { listen, state }: Config,
  { purge }: TearDownOptions,
): Promise<Removed> {
  const lock = await takeInstanceLock();
  try {
    const removed = attempt('tear down', () => native.tearDown({ pins: state.pins }));
    await removeSocket(listen.socket);
    if (purge) await removeStore(state.directory);
    return removed;
  } finally {
    lock.close();
  }
}
