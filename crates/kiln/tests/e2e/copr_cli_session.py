"""A session of today's Copr tools (copr-cli 2.6 and the library copr 2.7) with a Kiln server.

Usage: copr_cli_session.py CLI CONFIG CONFIG-OF-BOB URL-OF-A-RECIPE FILE FOLDER
Every sub-command runs once at least: it works, or is refused with the words that the documentation has.
Prints what it ran and a last line `session ok`; any surprise is an exception.
"""
import os
import subprocess
import sys

from copr.v3 import Client
from copr.v3.exceptions import CoprAuthException, CoprNoResultException, CoprRequestException

cli, config, config_of_bob, url, path, folder = sys.argv[1:7]
CHROOT = "debian-12-x86_64"
OTHER = "debian-12-i586"
REFUSED = "is not possible here"
ran = set()


def run(*words, code=0, says=None, as_bob=False):
    """Runs a sub-command; `says` must be in what it prints."""
    ran.add(words[0])
    command = [cli, "--config", config_of_bob if as_bob else config, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, input="y\n")
    text = done.stdout + done.stderr
    print("$ copr-cli %s -> %d" % (" ".join(words), done.returncode), flush=True)
    if done.returncode != code or (says is not None and says not in text):
        raise AssertionError("%r: wanted %r and %r, got %d:\n%s" % (words, code, says, done.returncode, text))
    return text


def same(found, wanted):
    if found != wanted:
        raise AssertionError("%r is not %r" % (found, wanted))


def raises(kind, says, call, **arguments):
    try:
        call(**arguments)
    except kind as error:
        if says not in str(error):
            raise AssertionError("%r is not in %r" % (says, str(error)))
        return
    raise AssertionError("%r should have been raised" % kind)


# Who we are, and what there is.
run("whoami", says="admin")
run("list-chroots", says=CHROOT)

# Projects.
run("create", "p1", "--chroot", CHROOT, "--description", "d", says="New project was successfully created")
run("create", "p1", "--chroot", CHROOT, code=1, says="already have a project named 'p1'")
run("create", "p2", "--chroot", "nosuch-1-x86_64", code=1, says="is not a valid choice")
run("create", "p2", "--chroot", CHROOT, "--multilib", "on", code=1, says=REFUSED)
run("create", "p2", "--chroot", CHROOT, "--bootstrap", "image", code=1, says=REFUSED)
run("create", "p2", "--chroot", CHROOT, "--repo", "copr://admin/nosuch", code=1, says="does not exist")
run("create", "p2", "--chroot", CHROOT, "--repo", "copr://admin/p1", "--delete-after-days", "30", "--isolation", "nspawn")
run("create", "@team/gp", "--chroot", CHROOT, says="successfully created")
run("create", "bob/x", "--chroot", CHROOT, as_bob=True)
run("create", "admin/x", "--chroot", CHROOT, as_bob=True, code=7, says="different user")
run("list", says="p1")
run("list", "bob", says="Name: x")
run("list", "nobody", says="")
run("get", "p2", says="copr://admin/p1")
run("get", "nosuch", code=1, says="does not exist")
run("modify", "p1", "--description", "changed", "--chroot", CHROOT, "--chroot", OTHER)
run("get", "p1", says="changed")
run("modify", "admin/p1", "--description", "mine", as_bob=True, code=7, says="Only owners")
run("regenerate-repos", "p1")

# Chroots of a project.
run("get-chroot", "p1/" + OTHER, says=OTHER)
run("edit-chroot", "p1/" + OTHER, "--packages", "gcc make", "--repos", "copr://admin/p2", says="success")
run("get-chroot", "p1/" + OTHER, says="gcc")
run("edit-chroot", "p1/" + OTHER, "--rpmbuild-with", "x", "--rpmbuild-without", "y", says="success")
run("get-chroot", "p1/" + OTHER, says='"x"')
run("get-chroot", "p1/" + OTHER, says='"y"')
run("edit-chroot", "p1/" + OTHER, "--rpmbuild-with", "%{x}", code=1, says="is not the name of a condition")
run("mock-config", "p1", CHROOT, says=CHROOT)
run("modify", "p1", "--chroot", CHROOT)

# Rights.
run("list-permissions", "p1", code=1)
run("request-permissions", "admin/p1", "--builder", as_bob=True, says="success")
run("list-permissions", "p1", says="bob")
run("build", "--nowait", "admin/p1", url, as_bob=True, code=7, says="is not allowed to build")
run("edit-permissions", "p1", "--builder", "bob=approved", says="success")
run("edit-permissions", "admin/p1", "--admin", "bob", as_bob=True, code=7, says="only owners")
run("new-webhook-secret", "p1", says="webhook secret")

# Builds.
text = run("build", "p1", url, says="Created builds: ")
first = text.split("Created builds: ")[1].split()[0]
run("status", first, says="succeeded")
run("watch-build", first, says="succeeded")
run("download-build", first, "--dest", os.path.join(folder, "out"), says="")
same([name for name in os.listdir(os.path.join(folder, "out", CHROOT)) if name.endswith(".deb")] != [], True)
run("build", "--nowait", "p1", path, says="Created builds: ")
run("build", "--nowait", "--background", "--timeout", "1000", "admin/p1", url, as_bob=True, says="Created builds: ")
run("build", "--nowait", "--isolation", "simple", "--bootstrap", "on", "p1", url)
run("build", "--nowait", "--chroot", "nosuch-1-x86_64", "p1", url, code=1, says="is not a valid choice")
run("build", "--nowait", "--exclude-chroot", "debian-*", "p1", url, code=1, says="No chroot is left")
run("list-builds", "p1", says=first)
run("cancel", first, code=1, says="Cannot cancel build " + first)
run("cancel", "999999", code=1, says="does not exist")
run("uploadrpm", "p1", path, code=1)
run("buildscm", "--nowait", "p1", "--clone-url", "https://example.org/x.git", says="Created builds: ")
run("buildscm", "--nowait", "p1", "--clone-url", "not an address", code=1, says="Invalid URL")
run("buildpypi", "--nowait", "p1", "--packagename", "requests", says="Created builds: ")
run("buildgem", "--nowait", "p1", "--gem", "rails", says="Created builds: ")
run("build-distgit", "--nowait", "p1", "--name", "hello", says="Created builds: ")
script = os.path.join(folder, "script")
with open(script, "w", encoding="utf-8") as file:
    file.write("#!/bin/sh\necho hi\n")
run("buildcustom", "p1", "--script", script, "--script-chroot", CHROOT, says="succeeded")
run("monitor", "p1", says="hello")

# Packages.
scm = ["--clone-url", "https://example.org/k.git"]
run("add-package-scm", "p1", "--name", "k", *scm, "--webhook-rebuild", "on", "--max-builds", "3")
run("add-package-scm", "p1", "--name", "k", *scm, code=1, says="already exists")
run("edit-package-scm", "p1", "--name", "k", "--clone-url", "https://example.org/other.git")
run("get-package", "p1", "--name", "k", says="other.git")
run("add-package-pypi", "p1", "--name", "py", "--packagename", "requests")
run("edit-package-pypi", "p1", "--name", "py", "--packagename", "flask")
run("add-package-rubygems", "p1", "--name", "gem", "--gem", "rails")
run("edit-package-rubygems", "p1", "--name", "gem", "--gem", "rake")
run("add-package-custom", "p1", "--name", "cu", "--script", script)
run("edit-package-custom", "p1", "--name", "cu", "--script", script)
run("add-package-distgit", "p1", "--name", "dg")
run("edit-package-distgit", "p1", "--name", "dg", "--commit", "f41")
run("list-packages", "p1", says="hello")
run("list-package-names", "p1", says="cu")
run("get-package", "p1", "--name", "hello", "--with-all-builds", says="hello")
run("get-package", "p1", "--name", "nosuch", code=1, says="No package with name nosuch")
run("build-package", "p1", "--name", "k", "--nowait", says="Created builds: ")
run("reset-package", "p1", "--name", "py")
run("build-package", "p1", "--name", "py", "--nowait", code=1, says="configure some source")
run("delete-package", "p1", "--name", "gem")

# Copies, and the end.
run("fork", "p1", "p3", says="")
run("fork", "p1", "p3", code=1, says="--confirm")
run("fork", "p1", "p3", "--confirm", says="")
run("list-packages", "p3", says="hello")
run("delete-build", first, says="")
run("delete-build", first, code=1, says="don't exist")
run("delete", "p2")
run("delete", "admin/p3", as_bob=True, code=7, says="Only owners may delete")
run("delete", "p3")

# The library, where the command line has no words.
client = Client.create_from_config_file(config)
bob = Client.create_from_config_file(config_of_bob)
same(client.base_proxy.home().version, 3)
same(client.base_proxy.auth_check().name, "admin")
same([project.name for project in client.project_proxy.search("admin/p1")], ["p1"])
same(client.project_proxy.can_build_in("bob", "admin", "p1"), True)
same(CHROOT in client.mock_chroot_proxy.get_list(), True)
raises(CoprNoResultException, "does not exist", client.project_proxy.get, ownername="admin", projectname="p3")
raises(CoprAuthException, "not allowed", bob.build_proxy.create_from_url, ownername="@team", projectname="gp", url=url)
beside = None
while beside is None:
    build = client.build_proxy.create_from_url("admin", "p1", url, buildopts={"chroots": [CHROOT]})
    after = client.build_proxy.create_from_url("admin", "p1", url, buildopts={"after_build_id": build.id})
    try:
        beside = client.build_proxy.create_from_url("admin", "p1", url, buildopts={"with_build_id": after.id})
    except CoprRequestException as error:
        # Builds take no time here: both can be through before the next request.
        same("already finished" in str(error), True)
raises(CoprRequestException, "together", client.build_proxy.create_from_url, ownername="admin", projectname="p1",
       url=url, buildopts={"after_build_id": build.id, "with_build_id": build.id})
for one in (beside, after, build):
    if client.build_proxy.get(one.id).state not in ("succeeded", "failed"):
        try:
            same(client.build_proxy.cancel(one.id).state, "canceled")
        except CoprRequestException as error:
            same("Cannot cancel" in str(error), True)
same(client.build_proxy.get_source_chroot(build.id).state in ("pending", "running", "succeeded", "canceled"), True)
same(client.build_proxy.get_source_build_config(build.id).source_type, "link")
same(client.build_chroot_proxy.get(build.id, CHROOT).name, CHROOT)
same([one.name for one in client.build_chroot_proxy.get_list(build.id)], [CHROOT])
same(client.build_chroot_proxy.get_build_config(build.id, CHROOT).repos[0]["id"], "copr_base")
same("packages" in client.build_chroot_proxy.get_built_packages(build.id, CHROOT), True)
same(client.project_chroot_proxy.get_build_config("admin", "p1", CHROOT).chroot, CHROOT)
page = client.build_proxy.get_list("admin", "p1", pagination={"limit": 2})
same(len(page) <= 2 and page[0].id > page[-1].id or len(page) == 1, True)
same(client.build_proxy.get_list("admin", "p1", status="nosuch"), [])
raises(CoprRequestException, REFUSED, client.build_proxy.create_from_url, ownername="admin", projectname="p1", url=url,
       project_dirname="p1:custom:x")

# A new token ends the old one; it comes last.
run("new-api-token", says="")
run("whoami", says="admin")
known = subprocess.run([cli, "--help"], capture_output=True, text=True, check=True).stdout
listed = known[known.index("{") + 1:known.index("}")].replace("\n", "").replace(" ", "").split(",")
same(sorted(set(listed) - ran), [])
print("%d sub-commands" % len(listed))
print("session ok")
