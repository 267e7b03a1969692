-- Which topic the ledger belongs to: the one with the highest generation. A person who accepts a topic gives it the next
-- generation, also where that topic was the current one earlier. A projector of any other topic moves no offset.
ALTER TABLE history_cdc.topic ADD COLUMN generation integer NOT NULL DEFAULT 1;
UPDATE history_cdc.topic t SET generation = n.generation
FROM (SELECT topic_id, row_number() OVER (ORDER BY first_seen, topic_id) AS generation FROM history_cdc.topic) AS n
WHERE n.topic_id = t.topic_id;
ALTER TABLE history_cdc.topic ADD UNIQUE (generation);

-- The record batch that lies before the next offset: first offset, last offset, leader epoch and newest time of the batch.
-- A log whose end was cut off and that has grown again holds another batch there. NULL where it is not known.
ALTER TABLE history_cdc.consumer_offset ADD COLUMN last_batch text CHECK (last_batch ~ '^\d+ \d+ -?\d+ -?\d+$');
