import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lookUp, lookupKeyOf } from '../../consumers/agent-test-history/lookup/lookup.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { aRow, inserted } from '../support/records.ts';
import { asRecords, jsonDecoder, TOPIC_ID } from '../support/run-records.ts';

let open: OpenDatabase;
beforeAll(async () => {
  open = await openMigratedDatabase();
});
afterAll(async () => {
  await open.close();
});

// Few characters, so that many texts name the same agent: both ends of every range of the look-up's pattern, and
// letters whose small form has another length, or is ASCII.
const inner = fc.constantFrom(...Array.from('aAzZ!-.0@[`{~/*\u0001\u007f\u0080éÉİ\u212aȺ漢 \u00a0'));
const rarely = (character: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary: character });
const blank = rarely(fc.constantFrom(...Array.from(' \t\n\u00a0\u3000\ufeff')));
const slashes = rarely(fc.constantFrom('/', '//'));
const spelling = fc
  .tuple(blank, fc.string({ unit: inner, minLength: 1, maxLength: 2 }), slashes, blank)
  .map((parts) => parts.join(''));

const REGISTER = `
  INSERT INTO public.agent_registry_metadata (agent_url, compliance_opt_out, lifecycle_stage)
  SELECT url, CASE n % 7 WHEN 0 THEN NULL WHEN 1 THEN true ELSE false END,
         (ARRAY['development', 'testing', 'production', 'deprecated', NULL])[1 + n % 5]
  FROM unnest($1::text[]) WITH ORDINALITY AS u (url, n)`;

const CONTEXTS = `
  INSERT INTO public.agent_contexts (id, organization_id, agent_url)
  SELECT id, 'org', url FROM unnest($1::uuid[], $2::text[]) AS u (id, url)`;

/** By the rule, applied to every row of the registry. */
const AGENTS = `
  SELECT agent_url AS "agentUrl", bool_or(coalesce(opted_out, false)) AS "optedOut",
         coalesce((array_agg(stage ORDER BY spelled <> agent_url, spelled))[1], 'production') AS "lifecycleStage",
         count(*)::integer AS spellings, bool_or(spelled = agent_url) AS canonical
  FROM (SELECT agent_url AS spelled, history_cdc.canonical_agent_url(agent_url) AS agent_url,
               compliance_opt_out AS opted_out, lifecycle_stage AS stage
        FROM public.agent_registry_metadata) AS r
  WHERE agent_url IS NOT NULL
  GROUP BY agent_url
  ORDER BY agent_url`;

interface Agent {
  readonly agentUrl: string;
  readonly optedOut: boolean;
  readonly lifecycleStage: string;
  readonly spellings: number;
  readonly canonical: boolean;
}

test('the look-up finds every spelling of an agent in the registry, as the rule does row by row', async () => {
  const spellings = [...new Set(fc.sample(spelling, { numRuns: 3_000, seed: 6 }))];
  await open.pool.query(REGISTER, [spellings]);
  const { rows: agents } = await open.pool.query<Agent>(AGENTS);
  // A corpus without agents of several spellings, and without canonical ones alone, would prove little.
  expect(agents.filter((agent) => agent.spellings > 1 && agent.canonical).length).toBeGreaterThan(100);
  expect(agents.filter((agent) => agent.spellings > 1 && !agent.canonical).length).toBeGreaterThan(10);
  expect(agents.filter((agent) => agent.spellings === 1).length).toBeGreaterThan(10);
  expect(spellings.length).toBeGreaterThan(1_000);

  const contexts = agents.map(() => randomUUID());
  await open.pool.query(CONTEXTS, [contexts, agents.map(({ agentUrl }) => agentUrl)]);
  const messages = contexts.map((context) => inserted(aRow({ agent_context_id: context, user_id: 'user' })));
  const events = await jsonDecoder(asRecords(messages, 0n), { topicId: TOPIC_ID, partition: 0 });
  const images = events.filter((event) => event.kind === 'image');
  const found = await lookUp(open.pool, images.map(lookupKeyOf), 0n);
  expect(found.map(({ context }) => context)).toMatchObject(
    agents.map(({ agentUrl, optedOut, lifecycleStage }) => ({ agentUrl, optedOut, lifecycleStage })),
  );
});
