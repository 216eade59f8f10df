// SPDX-License-Identifier: Apache-2.0
import { DistributordError } from '../../../src/errors.ts';
import type { Amphora } from '../../../src/model/amphora.ts';
import type { Distributor } from '../../../src/model/distributor.ts';
import { drainAmphorae, finishDrain } from '../../../src/model/drain.ts';
import { failoverAmphora, unregisterAmphorae } from '../../../src/model/failover.ts';
import { registerAmphorae } from '../../../src/model/registration.ts';
import { setWeights } from '../../../src/model/weights.ts';
import { Connections } from './connections.ts';
import { ControlPlane } from './control-plane.ts';
import { DrainJobs } from './drain-jobs.ts';
import type { Packet, Program } from './program.ts';

const isReady = () => true;
const limits = { initialSlots: 1024, maxSlots: 4096 };
/** As many amphorae as a test's program has positions for, with room for standbys. */
const mostAmphorae = 12;

/** What a change of the amphora set is made of. */
export interface Change {
  readonly which: number;
  readonly seed: number;
}

/**
 * A distributor as the daemon runs it (the real model, plan and drain jobs) on a program,
 * beside a plain model that remembers who has every connection. Throws where the two differ:
 * a packet at another amphora than its connection's, a new connection at one that drains, a
 * drain that ends too early.
 */
export class Cluster {
  readonly #program: Program;
  readonly #control: ControlPlane;
  readonly #connections: Connections;
  readonly #drains: DrainJobs;
  #distributor: Distributor = {
    id: '00000000-0000-4000-8000-00000000000d',
    loadBalancer: { id: '00000000-0000-4000-8000-00000000000b', name: '' },
    vips: [],
    amphorae: [],
    tableSize: limits.initialSlots,
    nextPosition: 0,
  };
  #registered = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#control = new ControlPlane(program);
    this.#connections = new Connections(program, this.#control);
    this.#drains = new DrainJobs(program, this.#connections);
  }

  register({ seed }: Change): void {
    if (this.#distributor.amphorae.length < mostAmphorae) this.#register(seed, 'ACTIVE');
  }

  standBy({ seed }: Change): void {
    if (this.#distributor.amphorae.length < mostAmphorae) this.#register(seed, 'STANDBY');
  }

  /** Of a draining one: cancels that. Of a failed one: it stands by. */
  registerAgain({ which, seed }: Change): void {
    const amphora = this.#any(which);
    if (amphora === null) return;
    const { id, ip, mac } = amphora;
    const request = { id, ip, mac, weight: null, position: null, role: null };
    this.#change(seed, (before) =>
      registerAmphorae(before, [request], { limits, isReady, now: this.#now }),
    );
  }

  /** Every other one is unregistered at its end. */
  drain({ which, seed }: Change): void {
    const amphora = this.#any(which);
    if (amphora === null) return;
    const then = seed % 2 === 0 ? 'UNREGISTER' : 'KEEP';
    const deadline = seed % 3 === 0 ? this.#now + (seed % 2000) * 1000 + 1 : null;
    const options = { then, deadline, force: seed % 5 === 0, isReady, now: this.#now } as const;
    this.#change(seed, (before) => drainAmphorae(before, [amphora.id], options));
  }

  weigh({ which, seed }: Change): void {
    const amphora = this.#any(which);
    if (amphora === null) return;
    const requests = [{ amphoraId: amphora.id, weight: seed % 4 }];
    const options = { force: seed % 5 === 0, isReady, now: this.#now };
    this.#change(seed, (before) => setWeights(before, requests, options));
  }

  failOver({ which, seed }: Change): void {
    const amphora = this.#any(which);
    if (amphora !== null)
      this.#change(seed, (before) => failoverAmphora(before, amphora.id, isReady));
  }

  unregister({ which, seed }: Change): void {
    const amphora = this.#any(which);
    if (amphora === null) return;
    const options = { failed: seed % 2 === 0, isReady };
    this.#change(seed, (before) => unregisterAmphorae(before, [amphora.id], options));
  }

  /** Any table may follow any other, as far as pinning goes: not only those that weights make. */
  reassign({ seed }: Change): void {
    this.#control.reassign(seed);
    this.#connections.noteChange();
  }

  double(): void {
    this.#control.double();
  }

  /** Time passes; drains that are over by then end. */
  wait(seconds: number): void {
    this.#program.wait(seconds);
    for (const end of this.#drains.observe(this.#distributor, this.#now))
      this.#change(end.amphoraId.length + seconds, (before) => finishDrain(before, end, this.#now));
  }

  open(flow: number): void {
    this.#send({ flow, protocol: 'tcp', starts: true, ends: false });
  }

  data(flow: number): void {
    if (this.#connections.has('tcp', flow))
      this.#send({ flow, protocol: 'tcp', starts: false, ends: false });
  }

  close(flow: number): void {
    if (this.#connections.has('tcp', flow))
      this.#send({ flow, protocol: 'tcp', starts: false, ends: true });
  }

  datagram(flow: number): void {
    this.#send({ flow, protocol: 'udp', starts: false, ends: false });
  }

  /** Every datagram flow that is alive speaks up, as it must within the learning window. */
  datagrams(): void {
    for (const flow of this.#connections.datagramFlows()) this.datagram(flow);
  }

  #send(packet: Packet): void {
    const position = this.#connections.send(packet, this.#distributor);
    if (position !== null) this.#drains.notePacket(position);
  }

  get #now(): number {
    return this.#program.now * 1000;
  }

  #register(seed: number, role: 'ACTIVE' | 'STANDBY'): void {
    const n = ++this.#registered;
    const mac = `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;
    const ip = `10.0.${n >> 8}.${n & 255}`;
    const request = { id: `a${n}`, ip, mac, weight: 1 + (seed % 3), position: null, role };
    this.#change(seed, (before) =>
      registerAmphorae(before, [request], { limits, isReady, now: this.#now }),
    );
  }

  /** As the daemon changes it; a refusal changes nothing. */
  #change(seed: number, change: (before: Distributor) => Distributor): void {
    let after: Distributor;
    try {
      after = change(this.#distributor);
    } catch (error) {
      if (error instanceof DistributordError) return;
      throw error;
    }
    this.#distributor = after;
    if (this.#control.converge(after, seed)) this.#connections.noteChange();
  }

  #any(which: number): Amphora | null {
    const { amphorae } = this.#distributor;
    return amphorae.length === 0 ? null : (amphorae[which % amphorae.length] ?? null);
  }
}
