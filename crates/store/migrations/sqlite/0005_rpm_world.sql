-- What a task's recipe asked for while it ran, beyond what it says of itself: one row a job that ended so.
CREATE TABLE task_requirements (
    task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    round INTEGER NOT NULL,
    -- JSON list of dependencies in the recipe's words.
    requires TEXT NOT NULL,
    PRIMARY KEY (task_id, round)
) WITHOUT ROWID;

-- What an index is: `packages` of Debian, `primary` or `filelists` of rpm-md.
ALTER TABLE mirror_indices ADD COLUMN kind TEXT NOT NULL DEFAULT 'packages';

-- Files that archives name by another digest than blobs are named by; known once a file has been here. Forgotten ones are
-- fetched again, so nothing depends on a row.
CREATE TABLE digest_names (
    sha512 TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL
) WITHOUT ROWID;
