-- no-transaction
-- Tasks whose jobs make sources. A build may have one in the very target that one of its recipes is built in, so the role
-- belongs to what is unique; SQLite changes that only with the table. Its own transaction, because the switch that keeps the
-- old table's end from taking the jobs along works outside of one only.
PRAGMA foreign_keys = OFF;
BEGIN IMMEDIATE;

CREATE TABLE tasks_with_roles (
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
    -- What its jobs do: `recipe` builds one, `source` makes the source of the build; the latter never has a package.
    role TEXT NOT NULL DEFAULT 'recipe',
    -- JSON: what is wanted of a job that makes a source.
    source_job TEXT,
    UNIQUE (build_id, repository_id, arch, role)
);
INSERT INTO tasks_with_roles (id, build_id, project_id, owner_id, package_id, repository_id, arch, state, verdict, failure,
    attempts, ready, not_before, priority, started_at, ended_at, built_packages, result_job_id)
SELECT id, build_id, project_id, owner_id, package_id, repository_id, arch, state, verdict, failure,
    attempts, ready, not_before, priority, started_at, ended_at, built_packages, result_job_id FROM tasks;
-- Numbers that are gone stay taken.
DELETE FROM sqlite_sequence WHERE name = 'tasks_with_roles';
INSERT INTO sqlite_sequence (name, seq) SELECT 'tasks_with_roles', seq FROM sqlite_sequence WHERE name = 'tasks';
DROP TABLE tasks;
ALTER TABLE tasks_with_roles RENAME TO tasks;

CREATE INDEX tasks_by_project ON tasks (project_id, id, role);
CREATE INDEX tasks_by_owner ON tasks (owner_id, id, role);
CREATE INDEX tasks_by_state ON tasks (state, id, role);
CREATE INDEX tasks_by_project_state ON tasks (project_id, state, id, role);
CREATE INDEX tasks_running ON tasks (owner_id) WHERE state IN ('starting', 'running');
CREATE INDEX tasks_queue ON tasks (arch, owner_id, priority DESC, id) WHERE ready = 1;
CREATE INDEX tasks_by_repository ON tasks (repository_id, state, id);
CREATE INDEX tasks_by_package ON tasks (package_id, id);
CREATE INDEX tasks_by_package_target ON tasks (package_id, repository_id, arch, id);
CREATE INDEX tasks_succeeded ON tasks (package_id, build_id) WHERE state = 'succeeded';

COMMIT;
PRAGMA foreign_keys = ON;
