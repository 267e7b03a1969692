/** Times that are easily mangled on the way; 1582-10-10 is in Postgres' calendar and not in Java's. */
export const EDGE_TIMES = [
  'infinity',
  '-infinity',
  '0044-03-15 12:00:00.5+00 BC',
  '0001-01-01 00:00:00+00',
  '1582-10-10 12:00:00+00',
  '1969-12-31 23:59:59.999999+00',
  '2024-02-29 23:59:59.000001+00',
  '9999-12-31 23:59:59.999999+00',
  '10000-01-01 00:00:00+00',
  '294276-12-31 23:59:59.999999+00',
];
/** jsonb that is not the same any more once it has been a JavaScript value. */
export const EDGE_PROFILES = [
  '{"b": 1.0, "a": 12345678901234567890.10, "tiny": 0.1e-30, "text": "\\u2028 – 😀 \\" \\\\ \\t", "deep": {"z": [null, true, {}], "": 0}}',
  'null',
  '[]',
  '"__debezium_unavailable_value"',
  '1e200',
];
/** Text that somebody could take for something else, Debezium's own default placeholder among it. */
export const EDGE_SUMMARIES = [
  '',
  ' ',
  '__debezium_unavailable_value',
  'it\'s \\u0000 \\ "quoted"\n\u2028 😀',
  'x'.repeat(3000),
];
