#!/usr/bin/env python3
"""What a build costs the service: many builds whose engine writes one small package at once, submitted in one go.

usage: scripts/bench-builds.py KILN [BUILDS [WORKERS [IDLE_SECONDS]]]

Starts `KILN serve --fake-engine` on a data folder of its own, adds the distribution debian-12 from this machine's mirror,
makes BUILDS tiny Debian source packages, serves them over HTTP on loopback, submits all of them at once and waits until
every build has ended. Prints builds per second, the server's CPU time per build and its memory; with IDLE_SECONDS, also
what the server costs while nobody asks for anything.
"""

import base64
import concurrent.futures
import configparser
import hashlib
import http.client
import http.server
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

DSC = """Format: 3.0 (native)
Source: {name}
Binary: {name}
Architecture: any
Version: 1.0
Maintainer: Nobody <nobody@example.org>
Build-Depends: debhelper-compat (= 13)
Checksums-Sha256:
 {sha256} {size} {tar}
Files:
 {md5} {size} {tar}
"""


def make_sources(folder, count):
    for number in range(count):
        name = f"load-{number}"
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
            entry = tarfile.TarInfo(f"{name}-1.0/debian/control")
            tar.addfile(entry)
        data = archive.getvalue()
        tar = f"{name}_1.0.tar.gz"
        (folder / tar).write_bytes(data)
        text = DSC.format(name=name, tar=tar, size=len(data), md5=hashlib.md5(data).hexdigest(),
                          sha256=hashlib.sha256(data).hexdigest())
        (folder / f"{name}_1.0.dsc").write_text(text)


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body are two writes; held back, the second would wait for the 40 ms of a delayed acknowledgement.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass


def serve_folder(folder):
    def handler(*arguments):
        return Quiet(*arguments, directory=str(folder))

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class Server:
    """A running `kiln serve` and what its clients need."""

    def __init__(self, kiln, data, workers):
        self.kiln, self.settings = kiln, data / "client.ini"
        command = [kiln, "serve", "--data", str(data / "data"), "--listen", "127.0.0.1:0", "--fake-engine",
                   "--workers", str(workers), f"--write-client-config={self.settings}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=open(data / "log", "w"), text=True)
        self.url = self.process.stdout.readline().split()[-1]
        while not self.settings.exists():
            time.sleep(0.01)
        time.sleep(0.2)
        ini = configparser.ConfigParser()
        ini.read(self.settings)
        login = f"{ini['copr-cli']['login']}:{ini['copr-cli']['token']}"
        self.headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
                        "Content-Type": "application/json"}

    def command(self, *arguments):
        environment = {**os.environ, "KILN_CONFIG": str(self.settings)}
        subprocess.run([self.kiln, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)

    def request(self, connection, method, path, body=None):
        connection.request(method, path, body and json.dumps(body), self.headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def connect(self):
        return http.client.HTTPConnection(self.url.split("//")[1])

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {key: int(status.split(f"{key}:")[1].split()[0]) // 1024 for key in ("VmRSS", "VmHWM")}


    def wake_ups(self):
        threads = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        counts = (status for thread in threads for status in (thread / "status").read_text().splitlines())
        return sum(int(line.split()[1]) for line in counts if line.startswith("voluntary_ctxt_switches"))


def submit(server, project, sources, numbers):
    connection = server.connect()
    for number in numbers:
        body = {"project_id": project, "srpm_url": f"{sources}/load-{number}_1.0.dsc", "chroots": ["debian-12-x86_64"]}
        status, answer = server.request(connection, "POST", "/api_2/builds", body)
        assert status == 201, (status, answer)


def wait_until_ended(server, project, count):
    connection = server.connect()
    while True:
        ended, offset = 0, 0
        states = {}
        while offset < count:
            _, answer = server.request(connection, "GET", f"/api_2/builds?project_id={project}&limit=100&offset={offset}")
            for entry in json.loads(answer)["builds"]:
                state = entry["build"]["state"]
                states[state] = states.get(state, 0) + 1
            offset += 100
        ended = sum(states.get(state, 0) for state in ("succeeded", "failed", "canceled", "skipped"))
        if ended >= count:
            return states
        time.sleep(0.25)


def rest(server, seconds):
    """What a server costs that nobody uses; the first half of the time is for it to let go of things."""
    time.sleep(seconds / 2)
    wake_ups, cpu = server.wake_ups(), server.cpu_seconds()
    time.sleep(seconds / 2)
    wake_ups, cpu = server.wake_ups() - wake_ups, server.cpu_seconds() - cpu
    print(f"idle for {seconds:.0f} s: resident {server.resident_mb()['VmRSS']} MB, in the second half "
          f"{wake_ups / seconds * 2:.2f} wake-ups a second, {cpu * 1000 / seconds * 2:.2f} ms CPU a second")


def main():
    kiln = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    workers = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    idle = float(sys.argv[4]) if len(sys.argv) > 4 else 0
    data = pathlib.Path(tempfile.mkdtemp(prefix="kiln-bench-"))
    sources = data / "sources"
    sources.mkdir()
    make_sources(sources, count + 1)
    server = Server(kiln, data, workers)
    try:
        server.command("dist", "add", "debian-12")
        server.command("project", "create", "home:admin:load", "--target", "debian-12-x86_64")
        _, answer = server.request(server.connect(), "GET", "/api_2/projects?name=load")
        project = json.loads(answer)["projects"][0]["project"]["id"]
        # One build first, so that the root's packages are at hand: the mirror is not what is measured.
        address = serve_folder(sources)
        submit(server, project, address, [count])
        wait_until_ended(server, project, 1)
        began, cpu = time.monotonic(), server.cpu_seconds()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            parts = [range(start, count, 4) for start in range(4)]
            list(pool.map(lambda part: submit(server, project, address, part), parts))
        submitted = time.monotonic() - began
        states = wait_until_ended(server, project, count + 1)
        wall, used = time.monotonic() - began, server.cpu_seconds() - cpu
        memory = server.resident_mb()
        print(f"{count} builds, {workers} workers: submitted in {submitted:.2f} s, ended after {wall:.2f} s")
        print(f"{count / wall:.1f} builds a second, {used / count * 1000:.1f} ms CPU a build, states {states}")
        print(f"resident now {memory['VmRSS']} MB, at most {memory['VmHWM']} MB")
        if idle:
            rest(server, idle)
    finally:
        server.process.terminate()
        server.process.wait()
        shutil.rmtree(data)


if __name__ == "__main__":
    main()
