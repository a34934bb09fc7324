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

-- A package that is built of another one's files, as one of its flavors.
ALTER TABLE packages ADD COLUMN main_id INTEGER REFERENCES packages (id);
CREATE INDEX packages_by_main ON packages (main_id) WHERE main_id IS NOT NULL;

-- Blob: what a package needs of a worker.
ALTER TABLE packages ADD COLUMN constraints_sha256 TEXT;
CREATE INDEX packages_by_constraints ON packages (constraints_sha256) WHERE constraints_sha256 IS NOT NULL;

-- Packages that take results over from others.
CREATE TABLE aggregates (
    package_id INTEGER PRIMARY KEY REFERENCES packages (id) ON DELETE CASCADE,
    -- Blob: which.
    sha256 TEXT NOT NULL,
    revision INTEGER NOT NULL,
    -- Whether it, or what it takes over, changed since that was done.
    stale INTEGER NOT NULL DEFAULT 1,
    -- What names the results that were taken over.
    taken TEXT
);
CREATE INDEX aggregates_stale ON aggregates (package_id) WHERE stale = 1;
CREATE INDEX aggregates_by_blob ON aggregates (sha256);

-- What each looks at.
CREATE TABLE aggregate_sources (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    project TEXT NOT NULL,
    package TEXT NOT NULL,
    PRIMARY KEY (project, package, package_id)
) WITHOUT ROWID;
CREATE INDEX aggregate_sources_by_package ON aggregate_sources (package_id);

-- Triggers, because results come and go in many ways.
CREATE TRIGGER aggregated_result_came AFTER UPDATE OF result_job_id ON tasks WHEN NEW.package_id IS NOT NULL BEGIN
    UPDATE aggregates SET stale = 1 WHERE package_id IN (SELECT a.package_id FROM packages k
        JOIN projects p ON p.id = k.project_id
        JOIN aggregate_sources a ON a.project = p.name AND a.package = k.name WHERE k.id = NEW.package_id);
END;
CREATE TRIGGER aggregated_result_went AFTER DELETE ON tasks
WHEN OLD.package_id IS NOT NULL AND OLD.result_job_id IS NOT NULL BEGIN
    UPDATE aggregates SET stale = 1 WHERE package_id IN (SELECT a.package_id FROM packages k
        JOIN projects p ON p.id = k.project_id
        JOIN aggregate_sources a ON a.project = p.name AND a.package = k.name WHERE k.id = OLD.package_id);
END;
