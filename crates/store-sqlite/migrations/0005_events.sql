-- Events that wait for their subscribers. A sequence is never given twice.
-- id: an event that comes again, since nobody knew whether it had been written, is written once.
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  topic TEXT NOT NULL,
  payload BLOB NOT NULL,
  metadata BLOB NOT NULL,
  published_at INTEGER NOT NULL
) STRICT;
-- Finds the next events of a subscriber.
CREATE INDEX events_of_topic ON events (topic, sequence);

-- topics: a JSON array. read_until: the last event that the subscriber has had.
-- ticket, lease: of whoever has taken its events, and until when; or both NULL.
CREATE TABLE event_subscribers (
  id TEXT PRIMARY KEY,
  topics TEXT NOT NULL,
  read_until INTEGER NOT NULL,
  ticket BLOB,
  lease INTEGER,
  seen_at INTEGER NOT NULL
) STRICT;
