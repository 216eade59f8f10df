// SPDX-License-Identifier: Apache-2.0
import type { Distributor } from '../../../src/model/distributor.ts';
import { diff } from '../../../src/plan/diff.ts';
import { applyOperation, type Operation } from '../../../src/plan/operation.ts';
import { wantedState, type DatapathState } from '../../../src/plan/wanted.ts';
import type { Program } from './program.ts';

/** Of the program's table: small, so that a few flows meet in every slot. */
const mostSlots = 256;

/** Pseudo-random choice of slots' owners: any table may follow any other. */
function pick(seed: number, index: number): number {
  let x = (seed ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) >>> 0;
  return (x ^ (x >>> 13)) >>> 0;
}

/** Brings a program to what a distributor wants, by the daemon's own plan. */
export class ControlPlane {
  readonly #program: Program;
  #state: DatapathState | null = null;
  /** Who has been at a position, counted: an amphora that comes back is another one. */
  readonly #tenures = new Map<number, number>();
  #lastTenure = 0;

  constructor(program: Program) {
    this.#program = program;
  }

  /** Whose turn it is at a position; null if nobody's. */
  tenureAt(position: number): number | null {
    return this.#tenures.get(position) ?? null;
  }

  isPresent(tenure: number): boolean {
    return [...this.#tenures.values()].includes(tenure);
  }

  /** Whether slots changed their owners. */
  converge(distributor: Distributor, seed: number): boolean {
    const observed = {
      resolved: () => null,
      port: () => ({ ifindex: 1, mac: '02:00:00:00:00:fe' }),
      actual: this.#state,
      timeouts: { tcpIdle: 900, otherIdle: 60 },
    };
    const operations = diff(this.#state, wantedState(distributor, observed));
    for (const operation of operations) {
      this.#execute(operation, seed);
      this.#state = applyOperation(this.#state, operation);
    }
    return operations.some(({ kind }) => kind === 'assign-slots');
  }

  reassign(seed: number): void {
    this.#assign(this.#state?.weights ?? [], [], seed);
  }

  double(): void {
    if (this.#program.table.size < mostSlots) this.#program.double();
  }

  #execute(operation: Operation, seed: number): void {
    if (operation.kind === 'grow-table') this.double();
    else if (operation.kind === 'assign-slots')
      this.#assign(operation.weights, operation.retired, seed);
    else if (operation.kind === 'clear-position') {
      this.#tenures.delete(operation.position);
      this.#program.vacate(operation.position);
    } else if (operation.kind === 'put-position' && !operation.sameAmphora) {
      this.#tenures.set(operation.position, ++this.#lastTenure);
      this.#program.occupy(operation.position);
    }
  }

  #assign(weights: readonly number[], retired: readonly number[], seed: number): void {
    const active = weights.flatMap((weight, position) => (weight > 0 ? [position + 1] : []));
    const { table } = this.#program;
    const owners = Array.from({ length: table.size }, (_, index) => {
      const { current } = table.at(index);
      // Half of the slots stay if they can: real tables change little.
      const stays = active.includes(current) && pick(seed, index + 1000) % 2 === 0;
      return stays ? current : (active[pick(seed, index) % active.length] ?? 0);
    });
    this.#program.assign(
      owners,
      retired.map((position) => position + 1),
    );
  }
}
