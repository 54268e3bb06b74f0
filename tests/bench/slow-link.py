#!/usr/bin/env python3
"""slow-link.py: a slow, far and lossy link between this machine and a network namespace, until stdin closes.

64 kbit/s, 600 ms there and back, 2% of packets lost each way. The near end is 10.213.64.1, the far end 10.213.64.2 in
the namespace caphub-slow. Two TUN devices and a queue between them: the same on every kernel, with netem or without.
Needs root, Python and the command `ip` (installed from Debian's iproute2 where it is missing). Prints `ready`.
"""

import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import time

SPACE, NEAR, FAR = "caphub-slow", "caphub-near", "caphub-far"
BITS_PER_SECOND, DELAY_SECONDS, LOSS = 64_000, 0.3, 0.02
# Packets that wait for the link in one direction, about ten seconds of it; more are lost, as in a router.
QUEUE_PACKETS = 60
MTU = 1400
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def fail(message, hint):
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    sys.exit(3)


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22s", name.encode(), IFF_TUN | IFF_NO_PI, b""))
    return device


class Way:
    """One direction: packets leave at the link's rate, and arrive after its delay unless they are lost."""

    def __init__(self, target, dice):
        self.target, self.dice, self.free, self.flying = target, dice, 0.0, []

    def send(self, packet, now):
        started = max(now, self.free)
        if (started - now) * BITS_PER_SECOND / 8 > QUEUE_PACKETS * MTU:
            return
        self.free = started + len(packet) * 8 / BITS_PER_SECOND
        if self.dice.random() >= LOSS:
            heapq.heappush(self.flying, (self.free + DELAY_SECONDS, len(self.flying), packet))

    def deliver(self, now):
        while self.flying and self.flying[0][0] <= now:
            try:
                os.write(self.target, heapq.heappop(self.flying)[2])
            except OSError:
                pass  # The device's own queue is full: one more loss.

    def due(self):
        return self.flying[0][0] if self.flying else None


def main():
    if os.geteuid() != 0:
        fail("a network namespace needs root", "run this benchmark as root, in a container or a virtual machine")
    if not shutil.which("ip"):
        if not shutil.which("apt-get"):
            fail("the command ip is missing", "install the package iproute2")
        for words in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "iproute2"]):
            subprocess.run(["apt-get", *words], stdout=sys.stderr, check=True)
    if not os.path.exists("/dev/net/tun"):
        fail("this machine has no /dev/net/tun", "load the module tun, or give the container the device")
    subprocess.run(["ip", "netns", "del", SPACE], capture_output=True)
    try:
        ip("netns", "add", SPACE)
        near, far = tun(NEAR), tun(FAR)
        ip("addr", "add", "10.213.64.1/30", "dev", NEAR)
        ip("link", "set", NEAR, "mtu", str(MTU), "up")
        ip("link", "set", FAR, "netns", SPACE)
        ip("-n", SPACE, "addr", "add", "10.213.64.2/30", "dev", FAR)
        ip("-n", SPACE, "link", "set", FAR, "mtu", str(MTU), "up")
        ip("-n", SPACE, "link", "set", "lo", "up")
    except OSError as error:
        subprocess.run(["ip", "netns", "del", SPACE], capture_output=True)
        fail(str(error), "the kernel or the container does not allow it")
    dice = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    there, back = Way(far, dice), Way(near, dice)
    print("ready", flush=True)
    try:
        while True:
            due = [d for d in (there.due(), back.due()) if d is not None]
            wait = max(0.0, min(due) - time.monotonic()) if due else None
            readable, _, _ = select.select([near, far, sys.stdin], [], [], wait)
            now = time.monotonic()
            if sys.stdin in readable and not os.read(sys.stdin.fileno(), 1):
                return
            for device, way in ((near, there), (far, back)):
                while device in readable:
                    try:
                        way.send(os.read(device, 65536), now)
                    except BlockingIOError:
                        break
            there.deliver(now)
            back.deliver(now)
    finally:
        subprocess.run(["ip", "netns", "del", SPACE], capture_output=True)


main()
