-- Times are milliseconds since 1970-01-01 UTC, digests lower-case hexadecimal SHA-256, structured values JSON.
-- AUTOINCREMENT: a number is never used again, not even after its row is gone.

CREATE TABLE flags (
    name TEXT PRIMARY KEY,
    set_at INTEGER NOT NULL
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    admin INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- Number of the newest job of any of the user's projects: who was served longest ago is served first.
    served INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE tokens (
    login TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret_sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX tokens_by_user ON tokens (user_id);

CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    owner_id INTEGER NOT NULL REFERENCES users (id),
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
);
CREATE UNIQUE INDEX projects_by_name ON projects (name) WHERE deleted_at IS NULL;
CREATE INDEX projects_by_owner ON projects (owner_id, id) WHERE deleted_at IS NULL;

CREATE TABLE config_revisions (
    project_id INTEGER NOT NULL REFERENCES projects (id),
    revision INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    text BLOB NOT NULL,
    comment TEXT NOT NULL,
    author_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, revision)
);

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    mirror TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (project_id, name)
);
CREATE INDEX repositories_with_mirror ON repositories (id) WHERE mirror IS NOT NULL;

-- By name: a path may name a project that does not exist yet, or exists again.
CREATE TABLE path_elements (
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    project TEXT NOT NULL,
    repository TEXT NOT NULL,
    PRIMARY KEY (repository_id, position)
);
CREATE INDEX path_elements_by_name ON path_elements (project, repository);

CREATE TABLE repository_arches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    arch TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    extra_packages TEXT NOT NULL,
    UNIQUE (repository_id, arch)
);

CREATE TABLE targets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository TEXT NOT NULL,
    arch TEXT NOT NULL,
    path_project TEXT NOT NULL,
    path_repository TEXT NOT NULL,
    active INTEGER NOT NULL,
    UNIQUE (repository, arch)
);

CREATE TABLE packages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    UNIQUE (project_id, name)
);

CREATE TABLE source_trees (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE,
    recipe_file TEXT NOT NULL,
    recipe_kind TEXT NOT NULL
);

CREATE TABLE source_files (
    tree_id INTEGER NOT NULL REFERENCES source_trees (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (tree_id, name)
);
CREATE INDEX source_files_by_blob ON source_files (sha256);

CREATE TABLE builds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    -- The project's owner, who never changes; here so that lists by owner need no join.
    owner_id INTEGER NOT NULL REFERENCES users (id),
    package_id INTEGER REFERENCES packages (id),
    version TEXT,
    source TEXT NOT NULL,
    source_state TEXT NOT NULL,
    source_failure TEXT,
    source_attempts INTEGER NOT NULL DEFAULT 0,
    source_not_before INTEGER NOT NULL DEFAULT 0,
    source_tree_id INTEGER REFERENCES source_trees (id),
    canceled INTEGER NOT NULL DEFAULT 0,
    -- Derived from `canceled`, `source_state` and the tasks' states, in the transaction that changes one of them.
    finished INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL,
    network INTEGER NOT NULL,
    limits TEXT,
    extra_repositories TEXT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    submitted_at INTEGER NOT NULL
);
CREATE INDEX builds_by_project ON builds (project_id, id);
CREATE INDEX builds_by_project_finished ON builds (project_id, finished, id);
CREATE INDEX builds_by_owner ON builds (owner_id, id);
CREATE INDEX builds_by_owner_finished ON builds (owner_id, finished, id);
CREATE INDEX builds_by_finished ON builds (finished, id);
CREATE INDEX builds_with_open_source ON builds (source_state, id) WHERE source_state IN ('pending', 'running');
CREATE INDEX builds_by_tree ON builds (source_tree_id);
CREATE INDEX builds_by_package ON builds (package_id, id);

-- The files somebody uploaded for a build, the recipe first.
CREATE TABLE build_uploads (
    build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (build_id, position)
);
CREATE INDEX build_uploads_by_blob ON build_uploads (sha256);

CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    owner_id INTEGER NOT NULL REFERENCES users (id),
    package_id INTEGER REFERENCES packages (id),
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    arch TEXT NOT NULL,
    state TEXT NOT NULL,
    verdict TEXT,
    failure TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Whether a worker may claim it: pending, and a plan is stored.
    ready INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL DEFAULT 0,
    started_at INTEGER,
    ended_at INTEGER,
    built_packages TEXT NOT NULL DEFAULT '[]',
    -- The job whose results are the task's.
    result_job_id INTEGER,
    UNIQUE (build_id, repository_id, arch)
);
CREATE INDEX tasks_by_project ON tasks (project_id, id);
CREATE INDEX tasks_by_owner ON tasks (owner_id, id);
CREATE INDEX tasks_open ON tasks (state, id) WHERE state IN ('waiting', 'pending', 'starting', 'running');
CREATE INDEX tasks_running ON tasks (owner_id) WHERE state IN ('starting', 'running');
CREATE INDEX tasks_queue ON tasks (arch, owner_id, priority DESC, id) WHERE ready = 1;
CREATE INDEX tasks_succeeded ON tasks (repository_id, arch, package_id, id) WHERE state = 'succeeded';

CREATE TABLE environments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Blob: the root as JSON.
    digest TEXT NOT NULL UNIQUE
);

-- Every package file of a root, so that it can be built again.
CREATE TABLE environment_packages (
    environment_id INTEGER NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (environment_id, sha256)
) WITHOUT ROWID;
CREATE INDEX environment_packages_by_blob ON environment_packages (sha256);

-- What a worker will be given, the root apart.
CREATE TABLE task_plans (
    task_id INTEGER PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    plan TEXT NOT NULL,
    planned_at INTEGER NOT NULL
);
CREATE INDEX task_plans_by_environment ON task_plans (environment_id);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    worker TEXT NOT NULL,
    phase TEXT,
    claimed_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    timings TEXT,
    warm_root INTEGER
);
CREATE INDEX jobs_by_task ON jobs (task_id, id);
CREATE INDEX jobs_active ON jobs (lease_until) WHERE ended_at IS NULL;

CREATE TABLE results (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    package TEXT,
    version TEXT,
    UNIQUE (job_id, name)
);
CREATE INDEX results_by_blob ON results (sha256);

CREATE TABLE signing_keys (
    project_id INTEGER PRIMARY KEY REFERENCES projects (id),
    secret BLOB NOT NULL,
    public TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
