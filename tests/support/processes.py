"""Processes of Python without the seconds that MONAI takes to import: forked from one that has it, and no code of ours.

A forked process has the arguments, folder, environment and paths of `python ...`, so that it finds the project, or does
not, as a fresh one would. What the interpreter itself reads at its start (PYTHONHASHSEED, -X) needs a fresh one.
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from multiprocessing.connection import Client
from pathlib import Path

SERVER = r"""
import atexit, os, runpy, select, signal, sys
from multiprocessing.connection import Listener

import monai.apps, monai.bundle, monai.engines, monai.handlers
import einops, fire, matplotlib.pyplot, pandas, sklearn.linear_model, sklearn.metrics, torch.utils.tensorboard, yaml

packages = sys.path[1:]


def become(words, folder, environment, output):
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(file, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    kind, first = words[:2] if words[0] in ("-m", "-c") else ("", words[0])
    own = {"-m": folder, "-c": ""}.get(kind, os.path.dirname(os.path.abspath(first)))
    sys.path[:] = [own, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *packages]
    sys.argv = ["-c" if kind == "-c" else first, *words[2 if kind else 1:]]
    if kind == "-m":
        runpy.run_module(first, run_name="__main__", alter_sys=True)
    elif kind == "-c":
        exec(compile(first, "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_path(first, run_name="__main__")


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def work(*job):
    status = 1
    try:
        become(*job)
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if status and not isinstance(ended.code, int):
            print(ended.code, file=sys.stderr)
    except KeyboardInterrupt:
        status = 130
        sys.excepthook(*sys.exc_info())
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush(), sys.stderr.flush()
        if status == 130:  # as Python ends by ctrl-C
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(status)


with Listener(sys.argv[1], "AF_UNIX") as listener:
    print("ready", flush=True)
    while sys.stdin not in select.select([sys.stdin, listener._listener._socket], [], [])[0]:
        with listener.accept() as connection:
            if os.fork() == 0:
                job = connection.recv()
                worker = os.fork()
                if worker == 0:
                    work(*job)
                connection.send(worker)
                connection.send(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
                os._exit(0)
        reap()
"""


@cache
def server():
    """Return the address of this process's server; it ends when its standard input does, with this process."""
    address = str(Path(tempfile.mkdtemp(prefix="fork-")) / "server")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, address],
        env={**environment, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MPLBACKEND": "Agg"},
        cwd=Path(address).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(end, process, Path(address).parent)
    assert process.stdout.readline() == "ready\n"
    return address


def end(process, folder):
    process.stdin.close()
    process.wait()
    shutil.rmtree(folder)


class Forked:
    """A process at work; the part of `subprocess.Popen` that tests use. Both outputs are one."""

    def __init__(self, words, cwd, environment):
        number, self.output = tempfile.mkstemp(dir=Path(server()).parent)
        os.close(number)
        self.args = words
        self.connection = Client(server(), "AF_UNIX")
        self.connection.send(([str(word) for word in words], str(cwd), dict(environment), self.output))
        self.pid = self.connection.recv()
        self.returncode = None

    def poll(self, timeout=0):
        if self.returncode is None and self.connection.poll(timeout):
            self.returncode = self.connection.recv()
        return self.returncode

    def wait(self, timeout=300):
        if self.poll(timeout) is None:
            raise subprocess.TimeoutExpired(str(self.args), timeout)
        return self.returncode

    def communicate(self, timeout=300):
        """Wait; return what was printed, as `Popen` does."""
        self.wait(timeout)
        return Path(self.output).read_text(errors="replace"), ""

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def python(*words, cwd):
    """Run a Python that has the dependencies and not the project; return exit status and what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    process = Forked(words, cwd, environment)
    printed, _ = process.communicate()
    return process.returncode, printed
