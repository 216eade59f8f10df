// SPDX-License-Identifier: Apache-2.0
// The whole state out, and in again.
import type { DistributorServiceHandlers } from '../../build/proto/distributor/v1/DistributorService.ts';
import type { ImportStateOptions__Output as ImportStateOptions } from '../../build/proto/distributor/v1/ImportStateOptions.ts';
import type { ImportStateRequest__Output as ImportStateRequest } from '../../build/proto/distributor/v1/ImportStateRequest.ts';
import { applyImport, planImport } from '../driver/state-import.ts';
import type { Log } from '../log.ts';
import type { KeyedLock } from '../reconcile/keyed-lock.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import { writeDocument } from '../store/distributor-document.ts';
import { StateReader } from '../store/state-reader.ts';
import type { Store } from '../store/store.ts';
import { collecting, refuseEnded, streaming, type StreamParts } from './calls.ts';
import { requirePresent } from './requests.ts';

export interface StateTransferParts extends StreamParts {
  readonly store: Store;
  readonly reconciler: Reconciler;
  readonly locks: KeyedLock;
  readonly log: Log;
}

export function stateTransfer(
  parts: StateTransferParts,
): Pick<DistributorServiceHandlers, 'ExportState' | 'ImportState'> {
  const { store, reconciler, locks, log } = parts;
  return {
    ExportState: streaming(parts, async (_, { send }) => {
      const image = store.list({ after: '', limit: Infinity });
      for (const { distributor } of image) await send({ document: writeDocument(distributor) });
    }),

    ImportState: collecting(log, async (requests) => {
      const { options, distributors } = await readImport(requests);
      const keys = () => [...store.all()].map(({ distributor }) => distributor.id);
      return locks.runTogether(
        () => [...keys(), ...distributors.map(({ id }) => id)],
        async (letGo) => {
          refuseEnded();
          const { changes, ...counts } = planImport(store, distributors, options);
          if (!options.dry_run) {
            await applyImport({ changes, ...counts }, { store, reconciler, letGo });
            log.info({ options, ...counts, revision: store.revision }, 'state imported');
          }
          return { ...counts, revision: store.revision };
        },
      );
    }),
  };
}

async function readImport(requests: AsyncIterable<ImportStateRequest>) {
  const reader = new StateReader();
  let options: ImportStateOptions | null = null;
  for await (const request of requests) {
    if (options === null) options = requirePresent(request.options ?? null, 'options');
    else reader.add(requirePresent(request.document ?? null, 'document'));
  }
  return { options: requirePresent(options, 'options'), distributors: reader.distributors };
}
