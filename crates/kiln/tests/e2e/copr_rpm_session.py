"""A session of the historic Copr client (copr 1.110, client_v2) with source packages of rpm and two chroots.

Usage: copr_rpm_session.py CONFIG URL-OF-A-SOURCE-PACKAGE FILE
Prints nothing but a last line `session ok`; any surprise is an exception.
"""
import sys
import time
import warnings

warnings.simplefilter("ignore")

import copr  # noqa: E402

config, url, path = sys.argv[1:4]
client = copr.create_client2_from_file_config(filepath=config)
CHROOTS = ["fedora-44-x86_64", "fedora-45-x86_64"]


def same(found, wanted):
    if found != wanted:
        raise AssertionError("%r is not %r" % (found, wanted))


def finished(build):
    for _ in range(1200):
        build = build.get_self()
        if build.state in ("succeeded", "failed", "canceled"):
            return build
        time.sleep(0.5)
    raise AssertionError("build %s is %s" % (build.id, build.state))


same([chroot.name for chroot in client.mock_chroots.get_list()], CHROOTS)
same(client.mock_chroots.get_one(CHROOTS[0]).os_release, "fedora")
project = client.projects.create(name="rpms", owner="admin", chroots=CHROOTS)

# From an address and from a file, through the client and through the project.
builds = [
    client.builds.create_from_url(project_id=project.id, srpm_url=url, chroots=CHROOTS),
    project.create_build_from_url(url, chroots=CHROOTS),
    client.builds.create_from_file(project_id=project.id, file_path=path, chroots=CHROOTS),
    project.create_build_from_file(file_path=path, chroots=CHROOTS),
]
ids = [build.id for build in builds]
same(builds[0].source_metadata, {"url": url})
same(builds[2].source_type, "upload")

# Lists with a limit, through the client and through the project; one alone.
same([one.id for one in client.builds.get_list(project_id=project.id, limit=2)], ids[:1:-1])
same([one.id for one in project.get_builds(limit=2)], ids[:1:-1])
same(client.builds.get_one(ids[0]).id, ids[0])

# Cancel and delete.
for build in builds[1:3]:
    build.cancel()
    same(build.get_self().state, "canceled")
    same(build.delete().is_successful(), True)
same([one.id for one in project.get_builds()], [ids[3], ids[0]])

# One task a chroot, of a build and of the project.
same([task.chroot_name for task in builds[0].get_build_tasks()], CHROOTS)
same(sorted(task.chroot_name for task in client.build_tasks.get_list(project_id=project.id)), sorted(CHROOTS * 2))
for build in (builds[0], builds[3]):
    build = finished(build)
    tasks = build.get_build_tasks()
    same((build.state, [task.state for task in tasks]), ("succeeded", ["succeeded"] * 2))
    same((build.package_name, build.package_version), ("hello", "1.0-1"))
    same([one["name"] for one in build.built_packages], ["hello"])
    for task in tasks:
        assert task.result_dir_url, task
        same(client.build_tasks.get_one(build.id, task.chroot_name).state, "succeeded")
same(len(client.build_tasks.get_list(project_id=project.id, state="succeeded")), 4)
print("session ok")
