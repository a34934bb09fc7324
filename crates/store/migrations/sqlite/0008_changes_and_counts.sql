-- What builds were made from; marks and counts that say without counting what has changed and how much there is.

ALTER TABLE repositories ADD COLUMN rebuild TEXT NOT NULL DEFAULT 'transitive';
ALTER TABLE repositories ADD COLUMN block TEXT NOT NULL DEFAULT 'all';

-- What a task's newest plan was made from.
CREATE TABLE fingerprints (
    task_id INTEGER PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    -- Blob: one line a dependency.
    sha256 TEXT NOT NULL,
    -- Digest of the source tree.
    tree TEXT NOT NULL
);
CREATE INDEX fingerprints_by_blob ON fingerprints (sha256);

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
-- Grows whenever something of the repository itself changes that is published: results, configuration, settings.
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
    UPDATE repositories SET results_mark = results_mark + 1 WHERE project_id = NEW.project_id;
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER settings_change_world AFTER UPDATE OF settings, deleted_at ON projects BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER repository_changes_world AFTER UPDATE OF mirror, rebuild, block ON repositories BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER arch_changes_world AFTER UPDATE ON repository_arches BEGIN
    UPDATE repositories SET results_mark = results_mark + 1 WHERE id = NEW.repository_id;
    UPDATE counters SET value = value + 1 WHERE name = 'world';
END;
CREATE TRIGGER new_arch_changes_world AFTER INSERT ON repository_arches BEGIN
    UPDATE repositories SET results_mark = results_mark + 1 WHERE id = NEW.repository_id;
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

-- How many rows there are in ranges of 1024 numbers, so that the page behind a million others is found without walking over
-- them. `kind`: 0 everything, 1 of a project, 2 of an owner.
CREATE TABLE build_ranges (
    kind INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    range INTEGER NOT NULL,
    builds INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    PRIMARY KEY (kind, scope, range)
) WITHOUT ROWID;
INSERT INTO build_ranges SELECT 0, 0, id >> 10, COUNT(*), SUM(finished) FROM builds GROUP BY id >> 10;
INSERT INTO build_ranges
SELECT 1, project_id, id >> 10, COUNT(*), SUM(finished) FROM builds GROUP BY project_id, id >> 10;
INSERT INTO build_ranges
SELECT 2, owner_id, id >> 10, COUNT(*), SUM(finished) FROM builds GROUP BY owner_id, id >> 10;

CREATE TRIGGER build_ranged AFTER INSERT ON builds BEGIN
    INSERT INTO build_ranges (kind, scope, range, builds, finished)
    VALUES (0, 0, NEW.id >> 10, 1, NEW.finished), (1, NEW.project_id, NEW.id >> 10, 1, NEW.finished),
        (2, NEW.owner_id, NEW.id >> 10, 1, NEW.finished)
    ON CONFLICT DO UPDATE SET builds = builds + excluded.builds, finished = finished + excluded.finished;
END;
CREATE TRIGGER build_unranged AFTER DELETE ON builds BEGIN
    INSERT INTO build_ranges (kind, scope, range, builds, finished)
    VALUES (0, 0, OLD.id >> 10, -1, -OLD.finished), (1, OLD.project_id, OLD.id >> 10, -1, -OLD.finished),
        (2, OLD.owner_id, OLD.id >> 10, -1, -OLD.finished)
    ON CONFLICT DO UPDATE SET builds = builds + excluded.builds, finished = finished + excluded.finished;
END;
CREATE TRIGGER build_reranged AFTER UPDATE OF finished ON builds WHEN NEW.finished <> OLD.finished BEGIN
    INSERT INTO build_ranges (kind, scope, range, builds, finished)
    VALUES (0, 0, NEW.id >> 10, 0, NEW.finished - OLD.finished),
        (1, NEW.project_id, NEW.id >> 10, 0, NEW.finished - OLD.finished),
        (2, NEW.owner_id, NEW.id >> 10, 0, NEW.finished - OLD.finished)
    ON CONFLICT DO UPDATE SET builds = builds + excluded.builds, finished = finished + excluded.finished;
END;

CREATE TABLE task_ranges (
    kind INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    state TEXT NOT NULL,
    range INTEGER NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY (kind, scope, state, range)
) WITHOUT ROWID;
INSERT INTO task_ranges SELECT 0, 0, state, id >> 10, COUNT(*) FROM tasks WHERE role = 'recipe' GROUP BY state, id >> 10;
INSERT INTO task_ranges
SELECT 1, project_id, state, id >> 10, COUNT(*) FROM tasks WHERE role = 'recipe' GROUP BY project_id, state, id >> 10;
INSERT INTO task_ranges
SELECT 2, owner_id, state, id >> 10, COUNT(*) FROM tasks WHERE role = 'recipe' GROUP BY owner_id, state, id >> 10;

CREATE TRIGGER task_ranged AFTER INSERT ON tasks WHEN NEW.role = 'recipe' BEGIN
    INSERT INTO task_ranges (kind, scope, state, range, tasks)
    VALUES (0, 0, NEW.state, NEW.id >> 10, 1), (1, NEW.project_id, NEW.state, NEW.id >> 10, 1),
        (2, NEW.owner_id, NEW.state, NEW.id >> 10, 1)
    ON CONFLICT DO UPDATE SET tasks = tasks + excluded.tasks;
END;
CREATE TRIGGER task_unranged AFTER DELETE ON tasks WHEN OLD.role = 'recipe' BEGIN
    INSERT INTO task_ranges (kind, scope, state, range, tasks)
    VALUES (0, 0, OLD.state, OLD.id >> 10, -1), (1, OLD.project_id, OLD.state, OLD.id >> 10, -1),
        (2, OLD.owner_id, OLD.state, OLD.id >> 10, -1)
    ON CONFLICT DO UPDATE SET tasks = tasks + excluded.tasks;
END;
CREATE TRIGGER task_reranged AFTER UPDATE OF state ON tasks WHEN NEW.state <> OLD.state AND NEW.role = 'recipe' BEGIN
    INSERT INTO task_ranges (kind, scope, state, range, tasks)
    VALUES (0, 0, OLD.state, NEW.id >> 10, -1), (1, NEW.project_id, OLD.state, NEW.id >> 10, -1),
        (2, NEW.owner_id, OLD.state, NEW.id >> 10, -1), (0, 0, NEW.state, NEW.id >> 10, 1),
        (1, NEW.project_id, NEW.state, NEW.id >> 10, 1), (2, NEW.owner_id, NEW.state, NEW.id >> 10, 1)
    ON CONFLICT DO UPDATE SET tasks = tasks + excluded.tasks;
END;

-- For lists in several states at once, and for the newest builds of each package.
CREATE INDEX tasks_by_owner_state ON tasks (owner_id, state, id, role);
CREATE INDEX builds_with_tree ON builds (package_id, id) WHERE source_tree_id IS NOT NULL;

-- How many builds an ordered batch will have: they wait for each other as their dependencies say. NULL for other batches.
ALTER TABLE batches ADD COLUMN size INTEGER;
ALTER TABLE batches ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
-- What the planner found of an ordered batch that its submitter should know.
CREATE TABLE batch_findings (
    batch_id INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    PRIMARY KEY (batch_id, text)
) WITHOUT ROWID;

-- Tasks whose results are kept, by age.
CREATE INDEX tasks_with_files ON tasks (ended_at)
WHERE state = 'succeeded' AND result_job_id IS NOT NULL AND role = 'recipe';
