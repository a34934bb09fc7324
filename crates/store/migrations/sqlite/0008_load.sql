-- What builds were made from; marks and counts that say without counting what has changed and how much there is.

ALTER TABLE repositories ADD COLUMN rebuild TEXT NOT NULL DEFAULT 'transitive';
ALTER TABLE repositories ADD COLUMN block TEXT NOT NULL DEFAULT 'all';

-- What a task's newest plan was made from.
CREATE TABLE fingerprints (
    task_id INTEGER PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    -- Blob: one line a dependency.
    sha256 TEXT NOT NULL,
    -- What its results count as for those built with them: their own, or an older task's whose results they repeat.
    as_sha256 TEXT NOT NULL,
    as_tree TEXT NOT NULL,
    -- Whether the results have been compared with those before.
    compared INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX fingerprints_by_blob ON fingerprints (sha256);
CREATE INDEX fingerprints_as_blob ON fingerprints (as_sha256);

CREATE INDEX tasks_with_results ON tasks (package_id, repository_id, arch, id) WHERE state = 'succeeded';

CREATE INDEX projects_on_change ON projects (id)
WHERE deleted_at IS NULL AND json_extract(settings, '$.trigger') = 'on_change';

-- Numbers that triggers keep. `world` grows with whatever could make a package be built again.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('world', 1), ('builds', (SELECT COUNT(*) FROM builds)),
    ('unfinished builds', (SELECT COUNT(*) FROM builds WHERE finished = 0)),
    ('projects', (SELECT COUNT(*) FROM projects WHERE deleted_at IS NULL));

CREATE TRIGGER build_counted AFTER INSERT ON builds BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'builds' OR (name = 'unfinished builds' AND NEW.finished = 0);
END;
CREATE TRIGGER build_uncounted AFTER DELETE ON builds BEGIN
    UPDATE counters SET value = value - 1 WHERE name = 'builds' OR (name = 'unfinished builds' AND OLD.finished = 0);
END;
CREATE TRIGGER build_recounted AFTER UPDATE OF finished ON builds WHEN NEW.finished <> OLD.finished BEGIN
    UPDATE counters SET value = value + OLD.finished - NEW.finished WHERE name = 'unfinished builds';
END;
CREATE TRIGGER project_counted AFTER INSERT ON projects BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'projects' AND NEW.deleted_at IS NULL;
END;
CREATE TRIGGER project_recounted AFTER UPDATE OF deleted_at ON projects
WHEN (NEW.deleted_at IS NULL) <> (OLD.deleted_at IS NULL) BEGIN
    UPDATE counters SET value = value + (NEW.deleted_at IS NULL) - (OLD.deleted_at IS NULL) WHERE name = 'projects';
END;

-- Grows whenever a task of the repository comes, goes, or changes its state or verdict.
ALTER TABLE repositories ADD COLUMN tasks_mark INTEGER NOT NULL DEFAULT 0;
-- Grows whenever the set of tasks with results does.
ALTER TABLE repositories ADD COLUMN results_mark INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER task_marked AFTER INSERT ON tasks BEGIN
    UPDATE repositories SET tasks_mark = tasks_mark + 1, results_mark = results_mark + (NEW.state = 'succeeded')
    WHERE id = NEW.repository_id;
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER task_gone AFTER DELETE ON tasks BEGIN
    UPDATE repositories SET tasks_mark = tasks_mark + 1, results_mark = results_mark + (OLD.state = 'succeeded')
    WHERE id = OLD.repository_id;
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER task_moved AFTER UPDATE OF state, verdict ON tasks
WHEN NEW.state <> OLD.state OR NEW.verdict IS NOT OLD.verdict BEGIN
    UPDATE repositories SET tasks_mark = tasks_mark + 1, results_mark = results_mark + (NEW.state = 'succeeded')
    WHERE id = NEW.repository_id;
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;

CREATE TRIGGER config_changes_world AFTER INSERT ON config_revisions BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER settings_change_world AFTER UPDATE OF settings, deleted_at ON projects BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER repository_changes_world AFTER UPDATE OF mirror, rebuild, block ON repositories BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER arch_changes_world AFTER UPDATE ON repository_arches BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER new_arch_changes_world AFTER INSERT ON repository_arches BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER path_changes_world AFTER INSERT ON path_elements BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER shorter_path_changes_world AFTER DELETE ON path_elements BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER index_changes_world AFTER INSERT ON mirror_indices BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER package_changes_world AFTER UPDATE OF about ON packages BEGIN
    UPDATE repositories SET tasks_mark = tasks_mark + 1 WHERE project_id = NEW.project_id;
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
