/** Writes the Grafana dashboards into `dashboards/`. `npm run docs:dashboards`; a test holds the files against this. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  BigValueTextMode,
  LegendDisplayMode,
  LegendPlacement,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { DEBEZIUM } from './debezium-panels.ts';
import { PIPELINE, type PanelText, type Row } from './panels.ts';

/** Of observability/grafana/datasources.yml. */
const DATASOURCE = { type: 'prometheus', uid: 'prometheus' };
/** The width of Grafana's grid. */
const WHOLE_WIDTH = 24;

function panelOf(text: PanelText): StatBuilder | TimeseriesBuilder {
  const panel = text.kind === 'lines' ? lines() : number(text.kind);
  panel.title(text.title).description(text.description).unit(text.unit).datasource(DATASOURCE);
  for (const [index, [legend, expr]] of Object.entries(text.queries).entries())
    panel.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode('A'.charCodeAt(0) + index))
        .expr(expr)
        .legendFormat(legend),
    );
  return panel;
}

function number(kind: 'number' | 'name'): StatBuilder {
  const panel = new StatBuilder().height(4).span(WHOLE_WIDTH / 6);
  return kind === 'name' ? panel.textMode(BigValueTextMode.Name) : panel;
}

function lines(): TimeseriesBuilder {
  const legend = new VizLegendOptionsBuilder().showLegend(true).displayMode(LegendDisplayMode.List);
  return new TimeseriesBuilder()
    .legend(legend.placement(LegendPlacement.Bottom))
    .min(0)
    .height(8)
    .span(WHOLE_WIDTH / 3);
}

function dashboard(uid: string, title: string, rows: readonly Row[]): string {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .tags(['history-cdc'])
    .editable()
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .timezone('browser');
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panelOf(panel));
  }
  return `${JSON.stringify(builder.build(), null, 2)}\n`;
}

/** Each dashboard as the text of its file. */
export function dashboardFiles(): Readonly<Record<string, string>> {
  return {
    'history-cdc.json': dashboard('history-cdc', 'history-cdc', PIPELINE),
    'debezium.json': dashboard('history-cdc-debezium', 'history-cdc: Debezium and Kafka Connect', DEBEZIUM),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [name, text] of Object.entries(dashboardFiles()))
    writeFileSync(new URL(`./dashboards/${name}`, import.meta.url), text);
