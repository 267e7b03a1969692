import { until } from './until.ts';

/**
 * Asks Kafka Connect itself, past our own client; gives the body of its answer, whatever the status. A worker that
 * says it must rebalance first has not done what it was asked, and is asked again.
 */
export async function askConnect(
  url: string,
  method: string,
  body?: unknown,
): Promise<{ ok: boolean; body: unknown }> {
  return await until(`Connect answers ${method} ${new URL(url).pathname}`, async () => {
    const response = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status === 409 || (response.status === 500 && text.includes('rebalance'))) return false;
    return { ok: response.ok, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  });
}
