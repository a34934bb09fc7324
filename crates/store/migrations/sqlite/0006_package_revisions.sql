-- Words, persons and switches of projects and packages; revisions of packages' files.

ALTER TABLE projects ADD COLUMN about TEXT NOT NULL DEFAULT '{}';
ALTER TABLE packages ADD COLUMN about TEXT NOT NULL DEFAULT '{}';

CREATE TABLE package_revisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    package_id INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    -- MD5 over the lines `MD5  NAME` of its files in the order of their names.
    tree_md5 TEXT NOT NULL,
    comment TEXT NOT NULL,
    author_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    UNIQUE (package_id, revision)
);
CREATE INDEX package_revisions_by_tree ON package_revisions (package_id, tree_md5, revision);

CREATE TABLE revision_files (
    revision_id INTEGER NOT NULL REFERENCES package_revisions (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    -- When this content came to the package under this name.
    modified_at INTEGER NOT NULL,
    PRIMARY KEY (revision_id, name)
) WITHOUT ROWID;
CREATE INDEX revision_files_by_blob ON revision_files (sha256);

-- Files that were sent, but that no revision has yet.
CREATE TABLE waiting_files (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    md5 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL,
    PRIMARY KEY (package_id, name, md5)
) WITHOUT ROWID;
CREATE INDEX waiting_files_by_blob ON waiting_files (sha256);
CREATE INDEX waiting_files_by_time ON waiting_files (uploaded_at);
