-- What is known of mirrored archives, and what is published.

-- One row per repository that mirrors an archive: how asking it went.
CREATE TABLE mirrors (
    repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    -- When its indices were last known to be current.
    checked_at INTEGER,
    -- When it was last asked, and how often in a row that failed since `checked_at`.
    asked_at INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    failure TEXT
);

-- The verified InRelease of each suite.
CREATE TABLE mirror_suites (
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    suite TEXT NOT NULL,
    url TEXT NOT NULL,
    release_sha256 TEXT NOT NULL,
    etag TEXT,
    last_modified TEXT,
    valid_until INTEGER,
    PRIMARY KEY (repository_id, suite)
) WITHOUT ROWID;
CREATE INDEX mirror_suites_by_blob ON mirror_suites (release_sha256);

-- The package indices that the InRelease names, as fetched.
CREATE TABLE mirror_indices (
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    arch TEXT NOT NULL,
    -- Strength: lower ones win.
    position INTEGER NOT NULL,
    suite TEXT NOT NULL,
    component TEXT NOT NULL,
    -- Address of the folder that the index's file names are relative to.
    url TEXT NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (repository_id, arch, position)
) WITHOUT ROWID;
CREATE INDEX mirror_indices_by_blob ON mirror_indices (sha256);

-- What each published repository was made from.
CREATE TABLE publications (
    repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    -- Digest over everything that went in; the same again changes nothing.
    input TEXT NOT NULL,
    published_at INTEGER NOT NULL
);

-- Every published file from the moment it appears to the moment it disappears; what is published now has no `removed_at`.
CREATE TABLE published_files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    removed_at INTEGER
);
CREATE UNIQUE INDEX published_files_live ON published_files (repository_id, path) WHERE removed_at IS NULL;
CREATE INDEX published_files_gone ON published_files (repository_id, path, removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX published_files_by_removal ON published_files (removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX published_files_by_blob ON published_files (sha256);

-- Blob: the merged build configuration a plan was derived from.
ALTER TABLE task_plans ADD COLUMN config_sha256 TEXT;
CREATE INDEX task_plans_by_config ON task_plans (config_sha256);
