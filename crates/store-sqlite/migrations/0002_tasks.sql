-- Tasks that run on one node at a time.
-- next_run: NULL for when somebody asks. ticket, started_at, expires_at: of the run that goes on, or all NULL.
CREATE TABLE tasks (
  id TEXT PRIMARY KEY,
  next_run INTEGER,
  ticket BLOB,
  started_at INTEGER,
  expires_at INTEGER,
  last_error TEXT,
  last_ended_at INTEGER
) STRICT;
