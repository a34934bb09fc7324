"""A session of the historic Copr client (copr 1.110, client_v2) with a Kiln server.

Usage: copr_session.py CONFIG URL-OF-A-RECIPE FILE
Prints nothing but a last line `session ok`; any surprise is an exception.
"""
import sys
import warnings

warnings.simplefilter("ignore")

import copr  # noqa: E402
from copr.client_v2.net_client import RequestError  # noqa: E402

config, url, path = sys.argv[1:4]
client = copr.create_client2_from_file_config(filepath=config)


def same(found, wanted):
    if found != wanted:
        raise AssertionError("%r is not %r" % (found, wanted))


chroots = [chroot.name for chroot in client.mock_chroots.get_list()]
same(chroots, ["debian-12-x86_64", "debian-12-i586"])
same(client.mock_chroots.get_one("debian-12-x86_64").os_release, "debian")

# A project, found again in every way there is.
project = client.projects.create(name="tools", owner="admin", chroots=["debian-12-x86_64"], description="d")
same((project.name, project.owner, project.description), ("tools", "admin", "d"))
same([one.id for one in client.projects.get_list(owner="admin", limit=10)], [project.id])
same(client.projects.get_one(project.id).name, "tools")
project.instructions = "use it"
project.update()
same(project.get_self().instructions, "use it")
try:
    client.projects.create(name="tools", owner="admin", chroots=[])
    raise AssertionError("a second project of one name")
except RequestError as error:
    same(error.response.status_code, 409)

# Chroots of the project.
same([one.name for one in project.get_project_chroot_list()], ["debian-12-x86_64"])
project.enable_project_chroot("debian-12-i586")
chroot = project.get_project_chroot("debian-12-i586")
chroot.buildroot_pkgs = ["gcc"]
chroot.update()
same(project.get_project_chroot("debian-12-i586").buildroot_pkgs, ["gcc"])

# Builds from an address and from a file.
builds = [client.builds.create_from_url(project_id=project.id, srpm_url=url, chroots=["debian-12-x86_64"])]
builds.append(project.create_build_from_url(url))
builds.append(client.builds.create_from_file(project_id=project.id, file_path=path, chroots=["debian-12-x86_64"]))
builds.append(project.create_build_from_file(file_path=path))
ids = [build.id for build in builds]
same(ids, sorted(ids))
same(builds[0].source_type, "link")
same(builds[0].source_metadata, {"url": url})
same(builds[2].source_type, "upload")

# Lists, through the client and through the project, newest first.
same([one.id for one in client.builds.get_list(project_id=project.id, limit=2)], ids[:1:-1])
same([one.id for one in client.builds.get_list(project_id=project.id, limit=2, offset=2)], ids[1::-1])
same([one.id for one in project.get_builds(limit=3)], ids[:0:-1])
same([one.id for one in client.builds.get_list(owner="admin")], ids[::-1])
same(client.builds.get_one(ids[0]).id, ids[0])

# One task a chroot.
tasks = builds[1].get_build_tasks()
same([task.chroot_name for task in tasks], ["debian-12-x86_64", "debian-12-i586"])
same(len(client.build_tasks.get_list(build_id=ids[0])), 1)
same(client.build_tasks.get_one(ids[0], "debian-12-x86_64").build_id, ids[0])
same(len(client.build_tasks.get_list(project_id=project.id, limit=2)), 2)

# Cancel: the answer is the one of the real server, which the client takes for a failure.
for build in builds[:2]:
    build.cancel()
    build = build.get_self()
    same(build.state, "canceled")
    same([task.state for task in build.get_build_tasks()], ["canceled"] * len(build.get_build_tasks()))
try:
    client.builds.get_one(999999)
    raise AssertionError("a build nobody made")
except RequestError as error:
    same(error.response.status_code, 404)

# Delete what is finished.
same(builds[0].delete().is_successful(), True)
same(builds[1].delete().is_successful(), True)
left = [one.id for one in client.builds.get_list(project_id=project.id)]
same(left, ids[:1:-1])
for build in builds[2:]:
    build = build.get_self()
    if not build.ended_on and build.state not in ("failed", "succeeded", "canceled"):
        build.cancel()
    same(build.delete().is_successful(), True)
same(client.projects.delete(project.id).is_successful(), True)
same(len(client.projects.get_list(owner="admin")), 0)
print("session ok")
