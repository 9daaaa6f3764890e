-- Tasks that run on one node at a time.
-- next_run: NULL for when somebody asks. ticket, started_at, expires_at, node: of the run that goes on, or all NULL.
CREATE TABLE tasks (
  id TEXT COLLATE "C" PRIMARY KEY,
  next_run BIGINT,
  ticket UUID,
  started_at BIGINT,
  expires_at BIGINT,
  node INTEGER,
  last_error TEXT,
  last_ended_at BIGINT
);
