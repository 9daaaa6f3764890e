-- Events that wait for their subscribers. They are written under a lock, so that the order of sequences is that of
-- commits. id: an event that comes again, since nobody knew whether it had been written, is written once.
CREATE TABLE events (
  sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id UUID NOT NULL UNIQUE,
  topic TEXT NOT NULL,
  payload BYTEA NOT NULL,
  metadata BYTEA NOT NULL,
  published_at BIGINT NOT NULL
);
-- Finds the next events of a subscriber.
CREATE INDEX events_of_topic ON events (topic, sequence);

-- read_until: the last event that the subscriber has had.
-- ticket, lease, node: of whoever has taken its events, and until when; or all NULL.
CREATE TABLE event_subscribers (
  id TEXT PRIMARY KEY,
  topics TEXT[] NOT NULL,
  read_until BIGINT NOT NULL,
  ticket UUID,
  lease BIGINT,
  node INTEGER,
  seen_at BIGINT NOT NULL
);
