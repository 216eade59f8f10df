// SPDX-License-Identifier: Apache-2.0
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Distributor } from '../../build/proto/distributor/v1/Distributor.ts';
import type { WatchDistributorsResponse } from '../../build/proto/distributor/v1/WatchDistributorsResponse.ts';
import type { BoardChange, StatusBoard } from '../reconcile/status-board.ts';
import type { Outlet } from './calls.ts';
import { WakeUp } from './wake-up.ts';

/** A distributor as it is; null if it is gone, which the board will tell by itself. */
type Show = (id: string) => Promise<Distributor | null>;

/** So many distributors are sent before others get a turn. */
const inATurn = 50;

/**
 * Sends what changed after a revision, then every change. What a slow client has not taken
 * yet is kept once for each distributor, as it is at last.
 * @throws WATCH_EXPIRED
 */
export async function streamDistributors(
  board: StatusBoard,
  { after, show }: { readonly after: number; readonly show: Show },
  { signal, send }: Outlet<WatchDistributorsResponse>,
): Promise<void> {
  const wakeUp = new WakeUp();
  const pending = new Map<string, BoardChange>();
  const add = (change: BoardChange) => {
    // Behind the others: their revisions are lower.
    pending.delete(change.id);
    pending.set(change.id, change);
  };
  const unsubscribe = board.onChange((change) => {
    add(change);
    wakeUp.notify();
  });
  try {
    for (const change of board.changesSince(after)) add(change);
    let revision = after === 0 ? board.revision : after;
    let isSynchronized = false;
    for (;;) {
      let sent = 0;
      for (const [id, { stored, watchRevision }] of pending) {
        pending.delete(id);
        revision = watchRevision;
        const distributor = stored === null ? null : await show(id);
        if (distributor !== null)
          await send({ change: 'distributor', distributor, watch_revision: revision });
        else if (stored === null)
          await send({ change: 'deleted_id', deleted_id: id, watch_revision: revision });
        if (++sent % inATurn === 0) await nextTurn();
      }
      if (!isSynchronized) {
        isSynchronized = true;
        revision = Math.max(revision, board.revision);
        await send({ change: 'synchronized', synchronized: true, watch_revision: revision });
      }
      await wakeUp.wait(signal);
    }
  } finally {
    unsubscribe();
  }
}
