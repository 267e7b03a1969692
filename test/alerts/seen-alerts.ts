import { until } from '../support/until.ts';
import type { PrometheusServer } from './prometheus-server.ts';

const PATIENCE_MS = 120_000;
const nameOf = (alert: string) => `HistoryCdc${alert}`;

/** Which alerts have fired and ended so far, under a real Prometheus. */
export class SeenAlerts {
  readonly fired = new Set<string>();
  readonly ended = new Set<string>();

  /** Waits until each has fired since `sinceMs`; it may be over by the time that somebody asks. */
  async fires(prometheus: PrometheusServer, alerts: readonly string[], sinceMs: number): Promise<void> {
    for (const alert of alerts) {
      const fired = () => prometheus.fired(nameOf(alert), (Date.now() - sinceMs) / 1000);
      await until(`${alert} fires`, fired, PATIENCE_MS);
      this.fired.add(nameOf(alert));
    }
  }

  async ends(prometheus: PrometheusServer, alerts: readonly string[]): Promise<void> {
    for (const alert of alerts) {
      await until(`${alert} ends`, async () => !(await prometheus.fired(nameOf(alert))), PATIENCE_MS);
      this.ended.add(nameOf(alert));
    }
  }
}
