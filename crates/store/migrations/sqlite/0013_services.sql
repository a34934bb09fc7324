-- Why the files of a package are not to be had: what it links to, or its services.
ALTER TABLE packages ADD COLUMN failure TEXT;
UPDATE packages SET failure = (SELECT l.failure FROM package_links l WHERE l.package_id = packages.id);

-- Services that make files of a package: the build that runs them, and what came out.
CREATE TABLE service_runs (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    -- The files they ran on.
    own_md5 TEXT NOT NULL,
    build_id INTEGER NOT NULL,
    tree_md5 TEXT,
    -- Whether what came out was built, or said why not.
    settled INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (package_id, own_md5)
) WITHOUT ROWID;
CREATE INDEX service_runs_unsettled ON service_runs (build_id) WHERE settled = 0;
