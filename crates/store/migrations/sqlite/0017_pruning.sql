-- What the next pass of pruning looks at, so that it never walks what has been kept for long.

-- Tasks whose results a newer task of the same package in the same target has replaced. Deleting the newer build may make one
-- the newest again, so a row says what to look at, not what to delete.
CREATE TABLE replaced_tasks (
    task_id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    ended_at INTEGER NOT NULL,
    -- Whether the project keeps results of old builds.
    kept INTEGER NOT NULL
);
CREATE INDEX replaced_tasks_by_project ON replaced_tasks (project_id, kept);
CREATE INDEX replaced_tasks_by_age ON replaced_tasks (ended_at) WHERE kept = 0;

INSERT INTO replaced_tasks (task_id, project_id, ended_at, kept)
SELECT t.id, t.project_id, t.ended_at, COALESCE(json_extract(p.settings, '$.keep_old_builds'), 0)
FROM tasks t JOIN projects p ON p.id = t.project_id
WHERE t.state = 'succeeded' AND t.result_job_id IS NOT NULL AND t.role = 'recipe' AND t.ended_at IS NOT NULL
    AND t.id < (SELECT MAX(n.id) FROM tasks n WHERE n.package_id = t.package_id AND n.repository_id = t.repository_id
        AND n.arch = t.arch AND n.state = 'succeeded');
DROP INDEX tasks_with_files;

-- A task that succeeds replaces the one before it, which replaced the one before that. If a newer one was faster, the task
-- itself is replaced.
CREATE TRIGGER task_replaces AFTER UPDATE OF result_job_id ON tasks
WHEN NEW.result_job_id IS NOT NULL AND NEW.state = 'succeeded' AND NEW.role = 'recipe' BEGIN
    INSERT INTO replaced_tasks (task_id, project_id, ended_at, kept)
    SELECT t.id, t.project_id, t.ended_at, COALESCE(json_extract(p.settings, '$.keep_old_builds'), 0)
    FROM tasks t JOIN projects p ON p.id = t.project_id
    WHERE t.result_job_id IS NOT NULL AND t.ended_at IS NOT NULL AND t.id = (
        SELECT MAX(o.id) FROM tasks o WHERE o.package_id = NEW.package_id AND o.repository_id = NEW.repository_id
            AND o.arch = NEW.arch AND o.state = 'succeeded' AND o.id < NEW.id)
    ON CONFLICT DO NOTHING;
    INSERT INTO replaced_tasks (task_id, project_id, ended_at, kept)
    SELECT NEW.id, NEW.project_id, NEW.ended_at, COALESCE(json_extract(p.settings, '$.keep_old_builds'), 0)
    FROM projects p
    WHERE p.id = NEW.project_id AND NEW.ended_at IS NOT NULL AND NEW.id < (
        SELECT MAX(n.id) FROM tasks n WHERE n.package_id = NEW.package_id AND n.repository_id = NEW.repository_id
            AND n.arch = NEW.arch AND n.state = 'succeeded')
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER project_keeps AFTER UPDATE OF settings ON projects
WHEN COALESCE(json_extract(OLD.settings, '$.keep_old_builds'), 0) <> COALESCE(json_extract(NEW.settings, '$.keep_old_builds'), 0)
BEGIN
    UPDATE replaced_tasks SET kept = COALESCE(json_extract(NEW.settings, '$.keep_old_builds'), 0) WHERE project_id = NEW.id;
END;

-- Source trees and roots that perhaps nothing refers to any more: what is new, and what something has let go of.
CREATE TABLE loose_trees (id INTEGER PRIMARY KEY);
CREATE TABLE loose_environments (id INTEGER PRIMARY KEY);
INSERT INTO loose_trees SELECT id FROM source_trees;
INSERT INTO loose_environments SELECT id FROM environments;

CREATE TRIGGER tree_is_new AFTER INSERT ON source_trees BEGIN
    INSERT INTO loose_trees (id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER build_leaves_tree AFTER DELETE ON builds WHEN OLD.source_tree_id IS NOT NULL BEGIN
    INSERT INTO loose_trees (id) VALUES (OLD.source_tree_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER build_changes_tree AFTER UPDATE OF source_tree_id ON builds WHEN OLD.source_tree_id IS NOT NULL BEGIN
    INSERT INTO loose_trees (id) VALUES (OLD.source_tree_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER environment_is_new AFTER INSERT ON environments BEGIN
    INSERT INTO loose_environments (id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER plan_leaves_environment AFTER DELETE ON task_plans BEGIN
    INSERT INTO loose_environments (id) VALUES (OLD.environment_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER plan_changes_environment AFTER UPDATE OF environment_id ON task_plans BEGIN
    INSERT INTO loose_environments (id) VALUES (OLD.environment_id) ON CONFLICT DO NOTHING;
END;
