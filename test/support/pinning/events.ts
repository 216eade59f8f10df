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
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drain'), which, seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancelDrain'), which, seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unregister'), which, seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeOver'), which }) },
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

const changes = new Set(['register', 'drain', 'cancelDrain', 'unregister', 'takeOver', 'reassign']);

type Happening = (cluster: Cluster, event: Required<Event>) => void;

const happenings: Readonly<Record<string, Happening>> = {
  open: (cluster, { flow }) => cluster.open(flow),
  data: (cluster, { flow }) => cluster.data(flow),
  close: (cluster, { flow }) => cluster.close(flow),
  datagram: (cluster, { flow }) => cluster.datagram(flow),
  register: (cluster, { seed }) => cluster.register(seed),
  drain: (cluster, { which, seed }) => cluster.drain(which, seed),
  cancelDrain: (cluster, { which, seed }) => cluster.cancelDrain(which, seed),
  unregister: (cluster, { which, seed }) => cluster.unregister(which, seed),
  takeOver: (cluster, { which }) => cluster.takeOver(which),
  reassign: (cluster, { seed }) => cluster.reassign(seed),
  double: (cluster) => cluster.double(),
  wait: (cluster, { seconds }) => cluster.wait(seconds),
};

function happen(cluster: Cluster, event: Event): void {
  const happening = happenings[event.kind];
  if (happening === undefined) throw new Error(`unknown event ${event.kind}`);
  happening(cluster, { flow: 0, which: 0, seed: 0, seconds: 0, ...event });
  if (changes.has(event.kind)) cluster.datagrams();
}

/** Plays events on a distributor of two amphorae. @throws where a connection moved */
export function play(events: readonly Event[], program: Program): void {
  const cluster = new Cluster(program);
  cluster.register(1);
  cluster.register(2);
  for (const event of events) happen(cluster, event);
}
