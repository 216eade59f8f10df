// SPDX-License-Identifier: Apache-2.0
// What a packet costs on top of a bare MAC swap and XDP_TX: as a multiple of what that costs,
// by test-run, one packet after the other.
import { packetKinds, type Family, type PacketKind } from '../frames.ts';
import { measurePackets, type PacketCase, type PacketCost } from '../packet-case.ts';
import type { Findings, Section, SectionOptions, Table } from '../section.ts';

const base: PacketCase = {
  ...{ kind: 'TCP', family: 4, flows: 10_000, vips: 1, amphorae: 16, verdict: 'tx_settled' },
  ...{ affinity: 'source-ip', tracking: 'adaptive', unsettled: false },
};

const states = {
  settled: {},
  'unsettled (during a drain)': { unsettled: true, verdict: 'tx_pinned' },
  'full tracking': { tracking: 'full', verdict: 'tx_pinned' },
  stateless: { tracking: 'stateless' },
} satisfies Record<string, Partial<PacketCase>>;

/** A row of a table. */
interface Row {
  readonly name: string;
  /** By column. */
  readonly cases: readonly (Partial<PacketCase> | null)[];
}

interface Comparison {
  /** In build/bench.json. */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

const count = (number: number) => number.toLocaleString('en');
const flowsOf = (flows: number) => `${count(flows)} ${flows === 1 ? 'FLOW' : 'FLOWS'}`;

function byFlows(isQuick: boolean): Comparison {
  const flowCounts = isQuick ? [1, 1_000_000] : [1, 10_000, 1_000_000];
  return {
    name: 'byFlows',
    title: 'Cost of a packet of a known flow, by number of flows',
    columns: flowCounts.map(flowsOf),
    rows: Object.entries(states).map(([name, state]) => ({
      name,
      cases: flowCounts.map((flows) => ({ ...state, flows })),
    })),
  };
}

const tracked = { tracking: 'full' } as const;

const newFlows: Comparison = {
  name: 'newFlows',
  title: 'Cost of the first packet of a flow in an unsettled slot',
  columns: ['IPv4', 'IPv6'],
  rows: [
    { name: 'new: TCP SYN', cases: firstPackets('TCP SYN', 'tx_new') },
    { name: 'older: TCP without an entry', cases: firstPackets('TCP', 'tx_previous') },
    { name: 'full tracking: TCP SYN', cases: firstPackets('TCP SYN', 'tx_new', tracked) },
    { name: 'full tracking: TCP', cases: firstPackets('TCP', 'tx_previous', tracked) },
  ],
};

function firstPackets(
  kind: PacketKind,
  verdict: string,
  where: Partial<PacketCase> = { unsettled: true },
): Partial<PacketCase>[] {
  const families: readonly Family[] = [4, 6];
  return families.map((family) => ({ ...where, kind, family, areNew: true, verdict }));
}

const byKind: Comparison = {
  name: 'byKind',
  title: 'Cost by kind of packet, 10,000 flows',
  columns: ['IPv4 SETTLED', 'IPv4 UNSETTLED', 'IPv6 SETTLED', 'IPv6 UNSETTLED'],
  rows: packetKinds.map((kind) => ({
    name: kind,
    cases: ([4, 6] as const).flatMap((family) => [
      { kind, family, ...solicitor(kind), verdict: settledVerdict(kind, family) },
      hasFlow(kind) ? { kind, family, unsettled: true, verdict: unsettledVerdict(kind) } : null,
    ]),
  })),
};

/** The checksum of a solicitation is that of one sender's. */
function solicitor(kind: PacketKind): Partial<PacketCase> {
  return kind === 'ARP or NS' ? { flows: 1 } : {};
}

function hasFlow(kind: PacketKind): boolean {
  return kind !== 'ARP or NS' && kind !== 'not for a VIP';
}

function settledVerdict(kind: PacketKind, family: Family): string {
  if (kind === 'not for a VIP') return 'pass_not_vip';
  if (kind !== 'ARP or NS') return 'tx_settled';
  return family === 4 ? 'tx_arp_reply' : 'tx_neighbour_advertisement';
}

/** A SYN that comes again does not confirm its flow; fragments here have lost their first. */
function unsettledVerdict(kind: PacketKind): string {
  return kind === 'fragment' ? 'drop_fragment' : 'tx_pinned';
}

const byAffinity: Comparison = {
  name: 'byAffinity',
  title: 'Cost by affinity, 10,000 flows',
  columns: ['SETTLED', 'UNSETTLED'],
  rows: (['source-ip', 'source-ip-and-port'] as const).map((affinity) => ({
    name: affinity,
    cases: [{ affinity }, { affinity, unsettled: true, verdict: 'tx_pinned' }],
  })),
};

/** The tables of few amphorae, and those that the configuration asks for by default. */
const FEW_SLOTS = 1024;
const DEFAULT_SLOTS = 4096;

function byVips(isQuick: boolean): Comparison {
  const columns = [
    ...(isQuick ? [] : [{ flows: 10_000, slots: FEW_SLOTS }]),
    { flows: 1_000_000, slots: FEW_SLOTS },
    { flows: 1_000_000, slots: DEFAULT_SLOTS },
  ];
  const vipCounts = isQuick ? [1, 500] : [1, 500, 10_000];
  return {
    name: 'byVips',
    title: 'Cost in settled slots, by number of VIPs, each of a distributor with 4 amphorae',
    columns: columns.map(({ flows, slots }) => `${flowsOf(flows)}, ${count(slots)} SLOTS EACH`),
    rows: vipCounts.map((vips) => ({
      name: `${count(vips)} ${vips === 1 ? 'VIP' : 'VIPs'}`,
      cases: columns.map((column) => ({ ...column, vips, amphorae: 4 })),
    })),
  };
}

const byAmphorae: Comparison = {
  name: 'byAmphorae',
  title: 'Cost in settled slots, by number of amphorae',
  columns: ['1,000,000 FLOWS'],
  rows: [4, 16, 100, 1000].map((amphorae) => ({
    name: `${count(amphorae)} amphorae`,
    cases: [{ amphorae, flows: 1_000_000 }],
  })),
};

type Costs = readonly (PacketCost | null)[];

async function compare(
  { title, columns, rows }: Comparison,
  { isQuick, progress }: SectionOptions,
): Promise<{ readonly table: Table; readonly costs: readonly { name: string; costs: Costs }[] }> {
  const measured: { name: string; costs: Costs }[] = [];
  for (const { name, cases } of rows) {
    progress(`${title}: ${name}`);
    const costs: (PacketCost | null)[] = [];
    const effort = isQuick ? { packets: 500_000, rounds: 3 } : { packets: 1_000_000, rounds: 5 };
    for (const one of cases)
      costs.push(one === null ? null : await measurePackets({ ...base, ...one }, effort));
    measured.push({ name, costs });
  }
  const table = {
    title: `${title} (× of a bare MAC swap):`,
    headings: ['', ...columns],
    rows: measured.map(({ name, costs }) => [name, ...costs.map(formatRatio)]),
  };
  return { table, costs: measured };
}

function formatRatio(cost: PacketCost | null): string {
  return cost === null ? '–' : `${cost.ratio.toFixed(1)} ×`;
}

export const packetCost: Section = {
  name: 'packet-cost',
  async measure(options): Promise<Findings> {
    const { isQuick } = options;
    const some = [byFlows(isQuick), newFlows, byVips(isQuick)];
    const comparisons = isQuick ? some : [...some, byKind, byAffinity, byAmphorae];
    const tables: Table[] = [];
    const figures: Record<string, unknown> = {};
    const ratios = new Map<string, readonly { name: string; values: (number | null)[] }[]>();
    for (const comparison of comparisons) {
      const { table, costs } = await compare(comparison, options);
      tables.push(table);
      figures[comparison.name] = { columns: comparison.columns, rows: costs };
      const values = (each: Costs) => each.map((cost) => cost && Number(cost.ratio.toFixed(2)));
      ratios.set(
        comparison.name,
        costs.map(({ name, costs: each }) => ({ name, values: values(each) })),
      );
    }
    const plots = comparisons
      .filter(({ name }) => name === 'byFlows' || name === 'byVips')
      .map(({ name, title, columns }) => ({
        file: name === 'byFlows' ? 'packet-cost-by-flows' : 'packet-cost-by-vips',
        kind: 'bars' as const,
        title,
        categories: columns.map((column) => column.toLowerCase()),
        valueName: '× of a bare MAC swap',
        series: ratios.get(name) ?? [],
      }));
    return { tables, plots, figures };
  },
};
