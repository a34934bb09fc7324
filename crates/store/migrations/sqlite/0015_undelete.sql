-- What is deleted keeps its sources for a while.

-- When the sources of a deleted project go for good; nothing for one that is there, or whose sources are gone.
ALTER TABLE projects ADD COLUMN purge_at INTEGER;
CREATE INDEX projects_to_purge ON projects (purge_at) WHERE purge_at IS NOT NULL;
CREATE INDEX projects_deleted ON projects (name, id) WHERE purge_at IS NOT NULL;

-- Packages that were deleted from projects that may still be there: rows of their own, so that no other question meets them.
CREATE TABLE deleted_packages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    source TEXT,
    settings TEXT NOT NULL,
    about TEXT NOT NULL,
    -- Names and lists of values, as one object.
    attributes TEXT NOT NULL,
    purge_at INTEGER NOT NULL,
    UNIQUE (project_id, name)
);
CREATE INDEX deleted_packages_to_purge ON deleted_packages (purge_at);

CREATE TABLE deleted_revisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    package_id INTEGER NOT NULL REFERENCES deleted_packages (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    tree_md5 TEXT NOT NULL,
    comment TEXT NOT NULL,
    author_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    version TEXT,
    version_count INTEGER NOT NULL,
    UNIQUE (package_id, revision)
);

CREATE TABLE deleted_files (
    revision_id INTEGER NOT NULL REFERENCES deleted_revisions (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    PRIMARY KEY (revision_id, name)
) WITHOUT ROWID;
CREATE INDEX deleted_files_by_blob ON deleted_files (sha256);
