// SPDX-License-Identifier: Apache-2.0
import { init, type EChartsOption } from 'echarts';

/** A picture of some of the figures. */
export interface Plot {
  /** Of the file in docs/benchmarks, without its ending. */
  readonly file: string;
  readonly title: string;
  readonly kind: 'bars' | 'lines';
  /** What stands below each group of bars, or point of a line. */
  readonly categories: readonly string[];
  /** With its unit, as "× of a bare MAC swap". */
  readonly valueName: string;
  readonly isLogarithmic?: boolean;
  /** A value for each category; null = not measured. */
  readonly series: readonly {
    readonly name: string;
    readonly values: readonly (number | null)[];
  }[];
}

const size = { width: 760, height: 400 };

/** @param subtitle where and when it was measured */
export function drawPlot(plot: Plot, subtitle: string): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  chart.setOption(optionOf(plot, subtitle));
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function optionOf(plot: Plot, subtitle: string): EChartsOption {
  const { kind, categories, series } = plot;
  return {
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: plot.title, subtext: subtitle, left: 'center' },
    // Texts may be wider in another font than where this is drawn.
    legend: { bottom: 0, itemGap: 24, textStyle: { fontSize: 11 } },
    // A legend of more than four may take two rows.
    grid: { top: 84, bottom: series.length > 4 ? 96 : 64, left: 72, right: 24 },
    xAxis: { type: 'category', data: [...categories], axisLabel: { interval: 0 } },
    yAxis: {
      type: plot.isLogarithmic === true ? 'log' : 'value',
      name: plot.valueName,
      nameLocation: 'middle',
      nameGap: 48,
    },
    series: series.map(({ name, values }) => ({
      name,
      data: [...values],
      ...(kind === 'bars'
        ? { type: 'bar', label: { show: true, position: 'top', fontSize: 10 } }
        : { type: 'line', symbolSize: 6 }),
    })),
  };
}
