-- Files that are made from others: links between packages put together, results of services.

-- Packages whose newest revision is a link, with what it points to.
CREATE TABLE package_links (
    package_id INTEGER PRIMARY KEY REFERENCES packages (id) ON DELETE CASCADE,
    project TEXT NOT NULL,
    package TEXT NOT NULL,
    -- Whether it, or what it points to, changed since it was last put together.
    stale INTEGER NOT NULL DEFAULT 1,
    -- What it was then found to stand for, or why that is not to be had.
    tree_md5 TEXT,
    failure TEXT
);
CREATE INDEX package_links_by_target ON package_links (project, package);
CREATE INDEX package_links_stale ON package_links (package_id) WHERE stale = 1;

-- Trees that were put together, and those that could not be.
CREATE TABLE derived_trees (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    package_id INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    tree_md5 TEXT NOT NULL,
    -- Of a link, the tree it points to.
    target_md5 TEXT,
    -- The package's own tree.
    own_md5 TEXT NOT NULL,
    failure TEXT,
    made_at INTEGER NOT NULL,
    UNIQUE (package_id, tree_md5)
);
CREATE INDEX derived_trees_by_package ON derived_trees (package_id, id);

CREATE TABLE derived_files (
    tree_id INTEGER NOT NULL REFERENCES derived_trees (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    PRIMARY KEY (tree_id, name)
) WITHOUT ROWID;
CREATE INDEX derived_files_by_blob ON derived_files (sha256);
