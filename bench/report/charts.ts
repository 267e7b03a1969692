import * as echarts from 'echarts';
import type { Growth } from '../parts/growth.ts';
import type { ShapeRuns } from '../parts/throughput.ts';
import { figuresOf, type Results } from '../results.ts';
import { spreadOf } from '../statistics.ts';
import { rates } from './targets.ts';

const SIZE = { width: 760, height: 340 } as const;
const OWN = '#1f6feb';
const OTHERS = '#9aa4b2';

/** SVG files of the page, by their names. */
export function chartsOf(results: Results): ReadonlyMap<string, string> {
  const throughput = figuresOf(results, 'throughput');
  const growth = figuresOf(results, 'growth');
  return new Map([
    ...(throughput === undefined ? [] : [['throughput.svg', peersChart(throughput.small)] as const]),
    ...(growth === undefined ? [] : [['growth.svg', growthChart(growth)] as const]),
  ]);
}

/** A bar a peer, the fastest on top; the text beside it has the spread. */
function peersChart(shape: ShapeRuns): string {
  const peers = [...new Set(shape.runs.map(({ peer }) => peer))]
    .map((peer) => ({ peer, ...spreadOf(rates(shape, peer)) }))
    .sort((a, b) => a.median - b.median);
  return render({
    title: {
      text: `Rows a second, ${shape.rows.toLocaleString('en')} rows of ${String(shape.bytesARow)} bytes (median)`,
    },
    grid: { left: 190, right: 150, top: 50, bottom: 30 },
    xAxis: { type: 'value' },
    yAxis: { type: 'category', data: peers.map(({ peer }) => peer), axisTick: { show: false } },
    series: [
      {
        type: 'bar',
        barWidth: 16,
        data: peers.map(({ peer, median, min, max }) => ({
          value: Math.round(median),
          itemStyle: { color: peer.startsWith('projector') ? OWN : OTHERS },
          label: {
            show: true,
            position: 'right',
            formatter: `${Math.round(median).toLocaleString('en')}  (${(min / 1000).toFixed(1)} to ${(max / 1000).toFixed(1)} k)`,
          },
        })),
      },
    ],
  });
}

/** CPU a row and memory over the rows that are there. */
function growthChart({ stretches, rows }: Growth): string {
  const points = (value: (stretch: Growth['stretches'][number]) => number) =>
    stretches.map((stretch) => [stretch.until, Math.round(value(stretch) * 10) / 10]);
  return render({
    title: { text: `The cost of a row as the tables grow to ${rows.toLocaleString('en')} rows` },
    legend: { bottom: 0 },
    grid: { left: 60, right: 60, top: 60, bottom: 60 },
    xAxis: { type: 'value', name: 'rows', max: rows },
    yAxis: [
      { type: 'value', name: 'µs a row', min: 0 },
      { type: 'value', name: 'MiB', min: 0, splitLine: { show: false } },
    ],
    series: [
      {
        name: 'CPU, projector and Postgres',
        type: 'line',
        data: points(({ cpuMicros }) => cpuMicros),
        color: OWN,
      },
      {
        name: 'time',
        type: 'line',
        data: points(({ rowsPerSecond }) => 1e6 / rowsPerSecond),
        color: '#d29922',
      },
      {
        name: 'memory of the projector',
        type: 'line',
        yAxisIndex: 1,
        data: points(({ peakMiB }) => peakMiB),
        color: OTHERS,
      },
    ],
  });
}

function render(option: echarts.EChartsCoreOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif' },
    ...option,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
