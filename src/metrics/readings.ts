// SPDX-License-Identifier: Apache-2.0
import type { Datapath } from '../datapath/datapath.ts';
import type { Amphora } from '../model/amphora.ts';
import type { Distributor } from '../model/distributor.ts';
import { vipKey, type Vip } from '../model/vip.ts';
import type { DrainSupervisor } from '../reconcile/drain-supervisor.ts';
import type { StatusBoard, StatusReport } from '../reconcile/status-board.ts';
import type { Slices } from '../slices.ts';
import type { Store, Stored } from '../store/store.ts';
import type { MonotonicCounts } from './monotonic-counts.ts';
import { classesOf, verdictClasses } from './verdict-classes.ts';

export interface ReadingParts {
  readonly store: Store;
  readonly datapath: Datapath;
  readonly board: StatusBoard;
  readonly drains: DrainSupervisor;
}

export interface ReadingMeans {
  readonly parts: ReadingParts;
  readonly counts: MonotonicCounts;
  readonly slices: Slices;
  /** Of readings that nobody needs any more. They would be garbage that is collected late. */
  readonly spare: Tables | null;
}

/** What is known of each VIP, but for what was dropped why. */
const vipColumns = [...verdictClasses, 'bytes', 'flowEntries'] as const;
const amphoraColumns = ['packets', 'bytes', 'newFlows', 'remaining'] as const;

/** Numbers by row; NaN where there is none. */
type Columns<Name extends string> = Readonly<Record<Name, Float64Array>>;

/** They may be longer than there are rows. */
export interface Tables {
  readonly vips: Columns<(typeof vipColumns)[number]>;
  readonly amphorae: Columns<(typeof amphoraColumns)[number]>;
}

const statuses = ['ONLINE', 'DEGRADED', 'DOWN'] as const;

/**
 * What a scrape reads of all distributors, their VIPs and amphorae: numbers alone, some 200 bytes a
 * distributor, while its text is twenty times as much. Rows are in the order of `distributors`, and
 * of the VIPs or amphorae that each had when the reading began.
 */
export class Readings implements Tables {
  readonly distributors: readonly Distributor[];
  readonly status: StatusReport['status'][] = [];
  readonly vips: Tables['vips'];
  /** By row of the VIP; those that dropped something. */
  readonly drops = new Map<number, readonly (readonly [string, number])[]>();
  readonly amphorae: Tables['amphorae'];
  readonly byStatus = new Map<string, number>(statuses.map((status) => [status, 0]));
  readonly byCondition = new Map<string, number>();
  readonly ports = new Set<string>();
  flowEntries = 0;
  activeDrains = 0;
  readonly #means: ReadingMeans;

  private constructor(means: ReadingMeans, stored: readonly Stored[]) {
    const { spare } = means;
    this.#means = means;
    this.distributors = stored.map(({ distributor }) => distributor);
    const rows = (of: 'vips' | 'amphorae') =>
      this.distributors.reduce((sum, distributor) => sum + distributor[of].length, 0);
    this.vips = columns(vipColumns, rows('vips'), spare?.vips);
    this.amphorae = columns(amphoraColumns, rows('amphorae'), spare?.amphorae);
  }

  /** A round of the counts. One reading at a time. */
  static async read(means: ReadingMeans): Promise<Readings> {
    const { parts, counts, slices } = means;
    const stored = [...parts.store.all()];
    const readings = new Readings(means, stored);
    let [vipRow, amphoraRow] = [0, 0];
    for (const each of stored) {
      readings.#readStatus(each);
      const { distributor } = each;
      for (const vip of distributor.vips) {
        readings.#readVip(vipRow++, distributor, vip);
        await slices.turn();
      }
      for (const amphora of distributor.amphorae) {
        readings.#readAmphora(amphoraRow++, distributor, amphora);
        await slices.turn();
      }
      await slices.turn();
    }
    counts.forgetOthers();
    return readings;
  }

  #readStatus(stored: Stored): void {
    const { status, conditions } = this.#means.parts.board.report(stored);
    this.status.push(status);
    count(this.byStatus, status);
    for (const { type } of conditions) count(this.byCondition, type);
  }

  #readVip(row: number, { id }: Distributor, vip: Vip): void {
    const { datapath } = this.#means.parts;
    this.ports.add(vip.interface);
    const counts = datapath.vipCounts(id, vip);
    if (counts === null) return; // not plugged yet, or gone meanwhile
    const names = Object.keys(counts.packets);
    const raw = [counts.forwardedBytes, ...Object.values(counts.packets)];
    const [bytes = 0, ...packets] = this.#means.counts.add(`${id} vip ${vipKey(vip)}`, raw);
    const { classes, drops } = classesOf(names, packets);
    for (const name of verdictClasses) this.vips[name][row] = classes[name];
    if (drops.length > 0) this.drops.set(row, drops);
    this.vips.bytes[row] = bytes;
    const flowEntries = datapath.vipState(id, vip)?.flowEntries ?? 0;
    this.vips.flowEntries[row] = flowEntries;
    this.flowEntries += flowEntries;
  }

  #readAmphora(row: number, { id }: Distributor, amphora: Amphora): void {
    const { position } = amphora;
    if (position === null) return; // packets to a standby would be another's
    const counts = this.#means.parts.datapath.positionCounts(id, position);
    if (counts !== null) {
      const raw = [counts.packets, counts.bytes, counts.newFlows];
      const key = `${id} ${position} ${amphora.id}`;
      const [packets = 0, bytes = 0, newFlows = 0] = this.#means.counts.add(key, raw);
      this.amphorae.packets[row] = packets;
      this.amphorae.bytes[row] = bytes;
      this.amphorae.newFlows[row] = newFlows;
    }
    if (amphora.state !== 'DRAINING' || amphora.drain.finished !== null) return;
    this.activeDrains++;
    const remaining = this.#means.parts.drains.report(id, amphora.id)?.remaining ?? null;
    if (remaining === null) return;
    const { tcp, udp, sctp, other, closing } = remaining;
    this.amphorae.remaining[row] = tcp + udp + sctp + other + closing;
  }
}

function columns<Name extends string>(
  names: readonly Name[],
  rows: number,
  spare?: Columns<Name>,
): Columns<Name> {
  const made = names.map((name) => {
    const old = spare?.[name];
    const column = old !== undefined && old.length >= rows ? old : new Float64Array(rows);
    return [name, column.fill(NaN)];
  });
  return Object.fromEntries(made) as Columns<Name>;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
