"""Child processes that cannot outlive us, and waiting for a condition instead of for luck."""
import ctypes
import os
import re
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class LabError(Exception):
    pass


def wait_until(condition, timeout_s, what, every_s=0.05):
    """The condition's first true value; LabError that says `what` when it does not come in time."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise LabError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(every_s)


def free_ports(count):
    """Ports free on loopback at this moment, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def port_open(port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Child:
    """One process with its output in a file. Ended by its own id, never by name."""

    def __init__(self, name, argv, log, env=None):
        self.name, self.argv, self.log = name, [str(a) for a in argv], log
        self.env = dict(os.environ, **(env or {}))
        self.popen = None

    def start(self):
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env=self.env, preexec_fn=_die_with_parent)
        return self

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def output(self, last=None):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                text = f.read()
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-last:]) if last else text

    def wait_line(self, pattern, timeout_s=15, occurrences=1):
        """Waits until the output holds the pattern that many times."""
        def seen():
            if len(re.findall(pattern, self.output(), re.M)) >= occurrences:
                return True
            if not self.running():
                raise LabError(f"{self.name} ended with {self.popen.returncode} before it said {pattern!r}:\n"
                               + self.output(last=15))
            return False
        return wait_until(seen, timeout_s, f"{self.name} to say {pattern!r}; its last words:\n{self.output(last=8)}")

    def kill(self):
        """kill -9: no warning, no flush."""
        if self.running():
            self.popen.kill()
        if self.popen:
            self.popen.wait()

    def stop(self, timeout_s=10):
        """SIGTERM, then -9 when it does not listen. Returns the exit status."""
        if not self.popen:
            return None
        if self.running():
            self.popen.send_signal(signal.SIGCONT)
            self.popen.terminate()
            try:
                self.popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        return self.popen.wait()

    def signal(self, number):
        self.popen.send_signal(number)


def run(*argv, env=None, check=True, timeout_s=60):
    """A command to its end; its output in the error when it fails."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=dict(os.environ, **(env or {})), timeout=timeout_s,
                          encoding="utf-8", errors="replace", check=False)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(str(a) for a in argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done
