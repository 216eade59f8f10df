// SPDX-License-Identifier: Apache-2.0

/** What one step of the demonstration did to the traffic. */
export interface StepResult {
  readonly name: string;
  /** Long-lived connections that still exchange bytes, checked end to end. */
  readonly alive: number;
  /** Those that broke during the step. */
  readonly broken: number;
  /** Those that had to: connections of amphorae that were unregistered, or have failed. */
  readonly expectedBroken: number;
  /** New connections that reached an amphora which was draining, stood by or had failed. */
  readonly newToResting: number;
  /** Share of client addresses whose new connections go to another amphora than before. */
  readonly movedShare: number;
  /** The least share that had to move. */
  readonly idealShare: number;
}

/** Consistent hashing may move somewhat more than the ideal; see docs/decisions. */
const movedFactor = 1.3;

/** What is wrong with a step, in words; empty if nothing is. */
export function faultsOf(step: StepResult, clients: number): string[] {
  const { idealShare: ideal, movedShare: moved } = step;
  const faults: string[] = [];
  if (step.alive === 0) faults.push('no connection is alive');
  if (step.broken !== step.expectedBroken)
    faults.push(`${step.broken} connections broke, ${step.expectedBroken} expected`);
  if (step.newToResting > 0)
    faults.push(`${step.newToResting} new connections reached an amphora that gets none`);
  // The clients are a sample of all addresses: five standard deviations of leeway.
  const leeway = 5 * Math.sqrt((ideal * (1 - ideal)) / clients);
  if (moved > ideal * movedFactor + leeway)
    faults.push(`${percent(moved)} of the clients moved, the ideal is ${percent(ideal)}`);
  if (moved < ideal - leeway) faults.push(`only ${percent(moved)} of the clients moved`);
  return faults;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Weight by amphora name; 0 = gets no new connections. */
export type Weights = ReadonlyMap<string, number>;

export function shareOf(weights: Weights, amphora: string): number {
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  return (weights.get(amphora) ?? 0) / total;
}

/** How clients spread over the amphorae. */
export interface Share {
  readonly amphora: string;
  readonly weight: number;
  readonly clients: number;
  readonly share: number;
  readonly ideal: number;
}

/** `reached` is the amphora of each client. */
export function sharesOf(weights: Weights, reached: readonly string[]): Share[] {
  return [...weights].map(([amphora, weight]) => {
    const clients = reached.filter((name) => name === amphora).length;
    const ideal = shareOf(weights, amphora);
    return { amphora, weight, clients, share: clients / reached.length, ideal };
  });
}

/** Those that are not as they should be, in words. */
export function shareFaults(shares: readonly Share[], clients: number): string[] {
  return shares
    .filter(({ share, ideal }) => {
      const deviation = Math.sqrt((ideal * (1 - ideal)) / clients);
      return Math.abs(share - ideal) > 5 * deviation + 0.01;
    })
    .map(({ amphora, share, ideal }) => `${amphora}: ${percent(share)}, not ${percent(ideal)}`);
}

/** The share of clients that cannot stay: what some lose of their share, others gain. */
export function idealMovedShare(before: Weights, after: Weights): number {
  const names = new Set([...before.keys(), ...after.keys()]);
  let moved = 0;
  for (const name of names) moved += Math.max(0, shareOf(before, name) - shareOf(after, name));
  return moved;
}
