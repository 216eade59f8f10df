// SPDX-License-Identifier: Apache-2.0
import type { Random } from '../fuzz/random.ts';
import type { ConnectionReport } from './client-protocol.ts';
import type { Clients } from './clients.ts';

export interface PopulationOptions {
  /** Clients of the population, each with a connection of either family. */
  readonly clients: number;
  readonly random: Random;
  /** How often nine tenths of the connections send a message. */
  readonly oftenMs: number;
  /** How often the others do. */
  readonly seldomMs: number;
}

/** A change of the amphora set, as far as it matters to connections. */
export interface SetChange {
  /** Those that new connections may reach before it, and after it. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Those whose connections it ends. */
  readonly gone: readonly string[];
}

/** Connections that are being made, perhaps while the set changes. */
interface Opening {
  readonly mayReach: Set<string>;
  readonly leaving: Set<string>;
}

const families = [4, 6] as const;
/** Clients of their own for either kind; none is used twice. */
const FIRST_SELDOM = 30_000;
/** Above all clients of a population. */
export const FIRST_OTHER_CLIENT = 50_000;
/** How many clients leave in a round, half of them with FIN, half with RST; as many come. */
const LEAVING = 60;
/** Echoes may take their time on a busy machine: what counts is that they come. */
const STALL_MS = 30_000;

/**
 * Long-lived connections of both families, as many as asked for, while some end and others begin all
 * the time. Notes what must not happen: a connection that breaks though its amphora is there, and a new
 * one at an amphora that gets none.
 */
export class Population {
  readonly #clients: Clients;
  readonly #options: PopulationOptions;
  /** By connection. */
  readonly #faults = new Map<string, string>();
  /** Connections whose amphora is gone. */
  readonly #excused = new Set<string>();
  readonly #leaving = new Set<string>();
  readonly #openings = new Set<Opening>();
  #reachable: readonly string[];
  #nextOften = 0;
  #nextSeldom = FIRST_SELDOM;
  #churning: Promise<void> | null = null;
  #stopped = false;

  /** `reachable` are the amphorae that new connections may reach. */
  constructor(clients: Clients, reachable: readonly string[], options: PopulationOptions) {
    this.#clients = clients;
    this.#reachable = reachable;
    this.#options = options;
  }

  /** Opens as many connections as there are to be, and has them come and go from then on. */
  async start(): Promise<void> {
    await this.#open(this.#options.clients);
    this.#churning = this.#churn();
  }

  /** Lets the connections be; resolves when all are open that were to be. */
  async settle(): Promise<void> {
    this.#stopped = true;
    await this.#churning;
    await this.#open(this.#missing(await this.#alive()));
  }

  /** Resolves when all that send often have had back a message sent after the call. */
  async exchangeOften(): Promise<void> {
    const { oftenMs: intervalMs } = this.#options;
    await this.#clients.waitForExchange({ intervalMs, deadlineMs: STALL_MS });
  }

  /** Makes a change of the set and forgets the connections that it ends. */
  async during<Result>(change: SetChange, work: () => Promise<Result>): Promise<Result> {
    this.#reachable = [...change.before, ...change.after];
    for (const id of change.gone) this.#leaving.add(id);
    for (const opening of this.#openings) {
      for (const id of change.after) opening.mayReach.add(id);
      for (const id of change.gone) opening.leaving.add(id);
    }
    const result = await work();
    for (const amphora of change.gone) this.#excuse(await this.#clients.forget({ amphora }));
    this.#leaving.clear();
    this.#reachable = change.after;
    return result;
  }

  /** What has happened so far that must not, in words. */
  async faults(): Promise<string[]> {
    this.#judge(await this.#clients.report());
    return [...this.#faults.values()];
  }

  async #churn(): Promise<void> {
    try {
      while (!this.#stopped) await this.#round();
    } catch (error) {
      this.#faults.set('churn', `connections no longer come and go: ${String(error)}`);
    }
  }

  async #round(): Promise<void> {
    const alive = await this.#alive();
    const victims = this.#choose(alive, LEAVING);
    const [orderly, abrupt] = [victims.slice(0, LEAVING / 2), victims.slice(LEAVING / 2)];
    await Promise.all([
      this.#open(this.#missing(alive) + victims.length),
      this.#clients.close({ clients: orderly }),
      this.#clients.abort({ clients: abrupt }),
    ]);
    this.#judge(await this.#clients.forget({ clients: victims }));
    // Newcomers are to do something before the next ones come; this paces the rounds, too.
    await this.exchangeOften();
  }

  async #alive(): Promise<ConnectionReport[]> {
    return (await this.#clients.report()).filter(({ alive }) => alive);
  }

  /** Clients that are to come in the place of those whose connections have ended. */
  #missing(alive: readonly ConnectionReport[]): number {
    return Math.max(0, this.#options.clients - Math.ceil(alive.length / families.length));
  }

  #choose(reports: readonly ConnectionReport[], count: number): number[] {
    const left = [...new Set(reports.map(({ client }) => client))];
    const chosen: number[] = [];
    while (chosen.length < count && left.length > 0)
      chosen.push(...left.splice(this.#options.random.below(left.length), 1));
    return chosen;
  }

  /** One in ten of them sends seldom. */
  async #open(count: number): Promise<void> {
    const seldom = Math.floor(count / 10);
    const often = count - seldom;
    const { oftenMs, seldomMs } = this.#options;
    const first = { often: this.#nextOften, seldom: this.#nextSeldom };
    this.#nextOften += often;
    this.#nextSeldom += seldom;
    for (const family of families)
      await Promise.all([
        this.#openRange({ family, firstClient: first.often, count: often, intervalMs: oftenMs }),
        this.#openRange({ family, firstClient: first.seldom, count: seldom, intervalMs: seldomMs }),
      ]);
  }

  async #openRange(range: {
    readonly family: (typeof families)[number];
    readonly firstClient: number;
    readonly count: number;
    readonly intervalMs: number;
  }): Promise<void> {
    const opening: Opening = {
      mayReach: new Set(this.#reachable),
      leaving: new Set(this.#leaving),
    };
    this.#openings.add(opening);
    const reports = await this.#clients.openConnections({
      ...range,
      stallMs: STALL_MS,
      connectTimeoutMs: STALL_MS,
    });
    this.#openings.delete(opening);
    const { mayReach, leaving } = opening;
    for (const report of reports)
      if (report.amphora !== null && !mayReach.has(report.amphora))
        this.#faults.set(keyOf(report), `${describe(report)}: new, at one that gets none`);
    // Where an amphora went while they were being made, they may have been its own.
    const lost = reports.filter(({ amphora }) =>
      amphora === null ? leaving.size > 0 : leaving.has(amphora),
    );
    this.#excuse(lost);
    await this.#clients.forget({
      family: range.family,
      clients: lost.map(({ client }) => client),
    });
  }

  #excuse(reports: readonly ConnectionReport[]): void {
    for (const report of reports) this.#excused.add(keyOf(report));
  }

  #judge(reports: readonly ConnectionReport[]): void {
    for (const report of reports) {
      const { amphora, broken, detail } = report;
      const excused =
        this.#excused.has(keyOf(report)) || (amphora !== null && this.#leaving.has(amphora));
      if (broken !== null && !excused)
        this.#faults.set(keyOf(report), `${describe(report)}: ${broken}, ${detail ?? ''}`);
    }
  }
}

function keyOf({ client, family }: ConnectionReport): string {
  return `${client.toString()}/IPv${family.toString()}`;
}

function describe(report: ConnectionReport): string {
  return `${keyOf(report)} of ${report.amphora ?? 'none'}`;
}
