-- When something ended last in a (repository, arch), without a walk over its tasks.
CREATE INDEX tasks_by_end ON tasks (repository_id, arch, ended_at) WHERE ended_at IS NOT NULL;
