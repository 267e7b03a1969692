import { expect, test } from 'vitest';
import { sourceSql, SQL_PARTS } from '../../connectors/deploy/source-sql.ts';
import { SOURCE_SCHEMA } from '../../lib/names.ts';

const settings = {
  PUBLICATION_NAME: 'my_publication',
  CONNECTOR_DATABASE_URL: 'postgresql://My%40Role@db/legacy',
} as const;

test('the script holds all four parts in order, with every name filled in', () => {
  const script = sourceSql(settings);
  const places = SQL_PARTS.map((part) => script.indexOf(sourceSql(settings, part)));
  expect(places[0]).toBe(0);
  expect([...places].sort((a, b) => a - b)).toEqual(places);
  expect(script).not.toContain('{{');
  expect(script).toContain('CREATE ROLE "My@Role" LOGIN REPLICATION');
  expect(script).toContain('CREATE PUBLICATION "my_publication"');
  expect(script).toContain(`CREATE SCHEMA IF NOT EXISTS ${SOURCE_SCHEMA};`);
});

test('without CONNECTOR_DATABASE_URL the role has its usual name', () => {
  expect(sourceSql({ ...settings, CONNECTOR_DATABASE_URL: undefined })).toContain('"history_cdc_connector"');
});

test('the script is plain SQL: no command of psql, no password', () => {
  const statements = sourceSql(settings).replaceAll(/^\s*--.*$/gm, '');
  expect(statements).not.toMatch(/^\s*\\/m);
  expect(statements).not.toMatch(/PASSWORD\s+'/i);
});

test.each(['a"b', "a'b", 'a$script$b', 'a\nb', 'a;b', ''.padEnd(64, 'a')])(
  'the name %j is refused',
  (name) => {
    const url = `postgresql://${encodeURIComponent(name)}@db/legacy`;
    expect(() => sourceSql({ ...settings, CONNECTOR_DATABASE_URL: url })).toThrow(/characters/);
  },
);
