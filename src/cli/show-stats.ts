// SPDX-License-Identifier: Apache-2.0
import type { GetStatsResponse__Output as Stats } from '../../build/proto/distributor/v1/GetStatsResponse.ts';
import { placeHeadings, placeOf } from './show.ts';
import { formatTable } from './table.ts';

/** Verdicts that never happened are left out. */
export function showStats({ vips, amphorae, host_packets }: Stats): string {
  const verdicts = vips.flatMap((vip) =>
    Object.entries(vip.packets)
      .filter(([, packets]) => packets > 0)
      .map(([verdict, packets]) => [...placeOf(vip), verdict, packets] as const),
  );
  return [
    formatTable(
      [...placeHeadings, 'FORWARDED BYTES', 'FLOW ENTRIES'],
      vips.map((vip) => [...placeOf(vip), vip.forwarded_bytes, vip.flow_entries]),
    ),
    formatTable([...placeHeadings, 'VERDICT', 'PACKETS'], verdicts),
    formatTable(
      ['AMPHORA', 'PACKETS', 'BYTES', 'NEW FLOWS'],
      amphorae.map((amphora) => [
        amphora.amphora_id,
        amphora.packets,
        amphora.bytes,
        amphora.new_flows,
      ]),
    ),
    `host packets: ${host_packets}`,
  ].join('\n\n');
}
