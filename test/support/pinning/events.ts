// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { Cluster } from './cluster.ts';
import type { Program } from './program.ts';

const flow = fc.nat(23);
const which = fc.nat(7);
const seed = fc.nat();

/** One thing that happens, as data: fast-check shrinks a failing sequence to its core. */
const anyEvent = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('open'), flow }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('data'), flow }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('close'), flow }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('datagram'), flow }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('register'), seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('standBy'), seed }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('drain'), which, seed }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('registerAgain'), which, seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('weigh'), which, seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('failOver'), which, seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unregister'), which, seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reassign'), seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('double') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait'), seconds: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait'), seconds: fc.nat(1200) }) },
);

/** `size`: sequences are as long as this says, not a few events as is the default. */
export const anySequence = fc.array(anyEvent, { minLength: 1, maxLength: 120, size: 'max' });

export type Event = Partial<Record<'flow' | 'which' | 'seed' | 'seconds', number>> & {
  readonly kind: string;
};

const changes = [
  ...(['register', 'standBy', 'drain', 'registerAgain', 'weigh'] as const),
  ...(['failOver', 'unregister', 'reassign'] as const),
];

type Happening = (cluster: Cluster, event: Required<Event>) => void;

const happenings: Readonly<Record<string, Happening>> = {
  open: (cluster, { flow }) => cluster.open(flow),
  data: (cluster, { flow }) => cluster.data(flow),
  close: (cluster, { flow }) => cluster.close(flow),
  datagram: (cluster, { flow }) => cluster.datagram(flow),
  double: (cluster) => cluster.double(),
  wait: (cluster, { seconds }) => cluster.wait(seconds),
};

function happen(cluster: Cluster, event: Event): void {
  const given = { flow: 0, which: 0, seed: 0, seconds: 0, ...event };
  const change = changes.find((kind) => kind === event.kind);
  if (change !== undefined) {
    cluster[change](given);
    cluster.datagrams();
    return;
  }
  const happening = happenings[event.kind];
  if (happening === undefined) throw new Error(`unknown event ${event.kind}`);
  happening(cluster, given);
}

/** Plays events on a distributor of two amphorae. @throws where a connection moved */
export function play(events: readonly Event[], program: Program): void {
  const cluster = new Cluster(program);
  cluster.register({ which: 0, seed: 1 });
  cluster.register({ which: 0, seed: 2 });
  for (const event of events) happen(cluster, event);
}
