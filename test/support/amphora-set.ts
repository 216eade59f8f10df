// SPDX-License-Identifier: Apache-2.0

export type MemberState = 'ACTIVE' | 'DRAINING' | 'STANDBY' | 'FAILED';

/** An amphora in its distributor's list. */
export interface Member {
  readonly id: string;
  readonly state: MemberState;
  /** As set; kept while it drains. */
  readonly weight: number;
  /** Null for one that stands by or has failed. */
  readonly position: number | null;
}

/** What does not say otherwise is as before, or the default. */
export interface Registration {
  readonly role?: 'ACTIVE' | 'STANDBY';
  readonly weight?: number;
  readonly position?: number;
  /** Has the daemon find the MAC by itself. */
  readonly byAddress?: boolean;
}

/** What changes a set of amphorae: of the plain one below, or of a daemon's. */
export interface AmphoraVerbs<Result> {
  register(ids: readonly string[], registration?: Registration): Result;
  drain(id: string): Result;
  setWeights(weights: ReadonlyMap<string, number>): Result;
  failover(id: string): Result;
  unregister(id: string, options?: { readonly failed?: boolean }): Result;
}

const SLOTS_PER_POSITION = 256;

/** What a distributor's amphorae must be, by the words of the API alone. */
export class AmphoraSet implements AmphoraVerbs<void> {
  /** Those without a position in the order in which they stand by. */
  readonly #members = new Map<string, Member>();
  #tableSize: number;
  /** Above every position ever held. */
  #nextPosition = 0;

  constructor(initialSlots: number) {
    this.#tableSize = initialSlots;
  }

  get tableSize(): number {
    return this.#tableSize;
  }

  /** How many positions the table has room for. */
  get room(): number {
    return this.#tableSize / SLOTS_PER_POSITION;
  }

  /** By position, then those without one. */
  get list(): readonly Member[] {
    const rank = ({ position }: Member) => position ?? Infinity;
    return [...this.#members.values()].sort((a, b) =>
      rank(a) === rank(b) ? 0 : rank(a) - rank(b),
    );
  }

  inState(...states: readonly MemberState[]): string[] {
    return this.list.filter(({ state }) => states.includes(state)).map(({ id }) => id);
  }

  /** Those that nobody holds and that need no larger table. */
  get freePositions(): number[] {
    const held = new Set(this.list.map(({ position }) => position));
    return Array.from({ length: this.room }, (_, position) => position).filter(
      (position) => !held.has(position),
    );
  }

  /** How many must be registered for the table to grow. */
  get untilGrowth(): number {
    return this.freePositions.length + 1;
  }

  register(ids: readonly string[], { role, weight, position }: Registration = {}): void {
    for (const id of ids) {
      const known = this.#members.get(id);
      const standsBy =
        role === undefined ? known !== undefined && known.position === null : role === 'STANDBY';
      const share = weight ?? known?.weight ?? 1;
      if (standsBy) {
        // Behind those who stand by already.
        if (known?.state !== 'STANDBY') this.#members.delete(id);
        this.#members.set(id, { id, state: 'STANDBY', weight: share, position: null });
      } else {
        const place = known?.position ?? position ?? this.#nextFree();
        this.#members.set(id, { id, state: 'ACTIVE', weight: share, position: place });
        this.#nextPosition = Math.max(this.#nextPosition, place + 1);
        while (this.room <= place) this.#tableSize *= 2;
      }
    }
  }

  drain(id: string): void {
    this.#members.set(id, { ...this.#get(id), state: 'DRAINING' });
  }

  setWeights(weights: ReadonlyMap<string, number>): void {
    for (const [id, weight] of weights)
      if (weight === 0) this.drain(id);
      else this.#members.set(id, { ...this.#get(id), state: 'ACTIVE', weight });
  }

  failover(id: string): void {
    const { weight } = this.#get(id);
    this.#takeOver(id);
    this.#members.set(id, { id, state: 'FAILED', weight, position: null });
  }

  unregister(id: string, { failed = false }: { readonly failed?: boolean } = {}): void {
    if (failed && this.#get(id).state === 'ACTIVE' && this.inState('STANDBY').length > 0)
      this.#takeOver(id);
    else this.#members.delete(id);
  }

  /** The first that stands by gets position and weight of one that is taken out. */
  #takeOver(id: string): void {
    const { weight, position } = this.#get(id);
    const [standby] = this.inState('STANDBY');
    if (standby === undefined) throw new RangeError(`no amphora stands by for ${id}`);
    this.#members.delete(id);
    this.#members.set(standby, { id: standby, state: 'ACTIVE', weight, position });
  }

  /** One that was never held, else one that nobody holds now, else one of a larger table. */
  #nextFree(): number {
    if (this.#nextPosition < this.room) return this.#nextPosition;
    return this.freePositions[0] ?? this.room;
  }

  #get(id: string): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new RangeError(`${id} is not registered`);
    return member;
  }
}
