-- 3. The publication: exactly three tables, every kind of change, no FOR ALL TABLES. What is not in it never leaves
-- the database, whatever the connector's configuration says.
--
-- Run by: the owner of the three tables, with CREATE on the database, or a superuser. Needs Postgres 14 or later.
DO $script$
DECLARE
  wanted CONSTANT text[] := ARRAY['public.agent_test_history', 'history_cdc_source.signal', 'history_cdc_source.heartbeat'];
  existing pg_publication%ROWTYPE;
  published text[];
  narrowed boolean;
BEGIN
  SELECT * INTO existing FROM pg_publication WHERE pubname = {{publication_text}};
  IF NOT FOUND THEN
    -- ONLY: a table that inherits from ours is another table. Changes of partitions come under the name of the whole table.
    CREATE PUBLICATION {{publication}}
      FOR TABLE ONLY public.agent_test_history, ONLY history_cdc_source.signal, ONLY history_cdc_source.heartbeat
      WITH (publish_via_partition_root = true);
    RAISE NOTICE 'publication %: created', {{publication_text}};
    RETURN;
  END IF;

  IF existing.puballtables THEN
    RAISE EXCEPTION 'publication % is FOR ALL TABLES: it would publish the whole database', {{publication_text}}
      USING HINT = 'Drop it if nothing else uses it, or choose another name (PUBLICATION_NAME), and run the script again.';
  END IF;

  IF NOT existing.pubviaroot AND EXISTS (
      SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'public' AND c.relname = 'agent_test_history' AND c.relkind = 'p') THEN
    ALTER PUBLICATION {{publication}} SET (publish_via_partition_root = true);
    RAISE NOTICE 'publication %: the changes of partitions now come under the name of the whole table', existing.pubname;
  END IF;

  SELECT coalesce(array_agg(format('%s.%s', schemaname, tablename)), '{}') INTO published
    FROM pg_publication_tables WHERE pubname = existing.pubname;
  -- A row filter or a column list would leave changes out. By way of JSON: Postgres 14 has neither.
  SELECT coalesce(bool_or(coalesce(to_jsonb(r) ->> 'prqual', to_jsonb(r) ->> 'prattrs') IS NOT NULL), false)
    INTO narrowed FROM pg_publication_rel r WHERE prpubid = existing.oid;
  IF NOT (published @> wanted AND published <@ wanted) OR narrowed THEN
    ALTER PUBLICATION {{publication}}
      SET TABLE ONLY public.agent_test_history, ONLY history_cdc_source.signal, ONLY history_cdc_source.heartbeat;
    RAISE NOTICE 'publication %: its tables were %, and are now exactly the three of this script',
      existing.pubname, array_to_string(published, ', ');
  END IF;

  IF NOT (existing.pubinsert AND existing.pubupdate AND existing.pubdelete AND existing.pubtruncate) THEN
    ALTER PUBLICATION {{publication}} SET (publish = 'insert, update, delete, truncate');
    RAISE NOTICE 'publication %: it left out some kinds of change, and now publishes all four', existing.pubname;
  END IF;
END
$script$;
