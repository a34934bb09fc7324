-- What projects and packages were said to be, revision by revision; attributes; versions of packages' revisions.

CREATE TABLE project_descriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    content TEXT NOT NULL,
    comment TEXT NOT NULL,
    author_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    UNIQUE (project_id, revision)
);

CREATE TABLE package_descriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    package_id INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    content TEXT NOT NULL,
    comment TEXT NOT NULL,
    author_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    UNIQUE (package_id, revision)
);

CREATE TABLE project_attributes (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (project_id, name)
) WITHOUT ROWID;

CREATE TABLE package_attributes (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (package_id, name)
) WITHOUT ROWID;

-- Built packages by name.
CREATE INDEX results_by_package ON results (package, id) WHERE kind = 'package';

-- The version of the recipe, once it has been read; and how many revisions in a row have had it.
ALTER TABLE package_revisions ADD COLUMN version TEXT;
ALTER TABLE package_revisions ADD COLUMN version_count INTEGER NOT NULL DEFAULT 1;
