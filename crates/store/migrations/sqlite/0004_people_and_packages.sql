-- Groups of users and rights of users in projects; sources of packages; batches of builds.

CREATE TABLE groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
);

CREATE TABLE group_members (
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX group_members_by_user ON group_members (user_id);

-- What people asked for, and what they were given: nothing, requested, approved.
CREATE TABLE project_rights (
    project_id INTEGER NOT NULL REFERENCES projects (id),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    edit TEXT NOT NULL,
    build TEXT NOT NULL,
    PRIMARY KEY (project_id, user_id)
) WITHOUT ROWID;

ALTER TABLE projects ADD COLUMN webhook_secret TEXT;
-- When a temporary project goes away.
ALTER TABLE projects ADD COLUMN expires_at INTEGER;
CREATE INDEX projects_by_expiry ON projects (expires_at) WHERE expires_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX targets_by_path ON targets (path_project);

ALTER TABLE repository_arches ADD COLUMN options TEXT NOT NULL DEFAULT '{}';

-- Where the sources of a package come from; nothing for one that only builds have made known.
ALTER TABLE packages ADD COLUMN source TEXT;
ALTER TABLE packages ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';

CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Its builds wait until this one has no unfinished build.
    after_id INTEGER REFERENCES batches (id)
);
CREATE INDEX batches_by_after ON batches (after_id);

ALTER TABLE builds ADD COLUMN batch_id INTEGER REFERENCES batches (id);
-- Whether its tasks wait for another batch.
ALTER TABLE builds ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
CREATE INDEX builds_by_batch ON builds (batch_id, finished) WHERE batch_id IS NOT NULL;

-- Triggers, because a build ends in many ways (results, failure, cancel, deletion of it or of its project).
CREATE TRIGGER batch_done AFTER UPDATE OF finished ON builds
WHEN NEW.finished = 1 AND OLD.finished = 0 AND NEW.batch_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM builds b WHERE b.batch_id = NEW.batch_id AND b.finished = 0)
BEGIN
    UPDATE builds SET held = 0 WHERE batch_id IN (SELECT id FROM batches WHERE after_id = NEW.batch_id);
END;

CREATE TRIGGER batch_gone AFTER DELETE ON builds
WHEN OLD.finished = 0 AND OLD.batch_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM builds b WHERE b.batch_id = OLD.batch_id AND b.finished = 0)
BEGIN
    UPDATE builds SET held = 0 WHERE batch_id IN (SELECT id FROM batches WHERE after_id = OLD.batch_id);
END;

CREATE INDEX tasks_by_package_target ON tasks (package_id, repository_id, arch, id);
CREATE INDEX tasks_succeeded ON tasks (package_id, build_id) WHERE state = 'succeeded';
CREATE INDEX builds_unfinished_of_package ON builds (package_id) WHERE finished = 0;
