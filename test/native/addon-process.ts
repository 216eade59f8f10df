// SPDX-License-Identifier: Apache-2.0
// The addon in a process of its own, which a test starts in a network namespace.
import {
  native,
  type NativeDatapath,
  type NativeError,
  type NativeNeighbourWatch,
} from '../../src/datapath/native.ts';
import type { AddonCall, AddonMessage } from './addon-protocol.ts';

let datapath: NativeDatapath | null = null;
let watch: NativeNeighbourWatch | null = null;

function tell(message: AddonMessage): void {
  process.send?.(message);
}

function targetOf(call: AddonCall): object {
  switch (call.target) {
    case 'addon':
      return native;
    case 'datapath':
      return (datapath ??= new native.Datapath({
        vips: 4,
        slots: 64,
        positions: 8,
        flows: 64,
        fragments: 64,
        pins: null,
      }));
    case 'watch':
      return (watch ??= new native.NeighbourWatch((change) => tell({ kind: 'neighbour', change })));
  }
}

function answer(call: AddonCall): AddonMessage {
  try {
    const target = targetOf(call);
    const method = Reflect.get(target, call.method) as (argument: unknown) => unknown;
    const result = method.call(target, call.argument) ?? null;
    return { kind: 'result', id: call.id, result };
  } catch (error) {
    const { code, message } = error as NativeError;
    return { kind: 'error', id: call.id, code, message };
  }
}

process.on('message', (call) => tell(answer(call as AddonCall)));
// The test has ended, in order or not.
process.on('disconnect', () => process.exit());
