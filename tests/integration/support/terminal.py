"""Runs a program on a terminal of its own and prints the screen that it draws (emulated by pyte).

    terminal.py 80x24 SECONDS step ... -- program argument ...

Steps: "type:text" (\\t \\r \\x escapes as in Python), "wait:regex" until the screen matches, "resize:WxH", "screen" prints the
screen between lines of "=", "end" waits for the program's end and prints "exit <code>". A wait that is in vain prints the screen and
ends with code 1. SECONDS bounds each wait.
"""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time
import pyte

size, patience = sys.argv[1], float(sys.argv[2])
cut = sys.argv.index("--")
steps, program = sys.argv[3:cut], sys.argv[cut + 1:]


def pair(text):
    columns, rows = text.split("x")
    return int(columns), int(rows)


columns, rows = pair(size)
screen = pyte.Screen(columns, rows)
stream = pyte.ByteStream(screen)
pid, master = pty.fork()
if pid == 0:
    os.environ["TERM"] = "linux"  # what pyte is
    os.execvp(program[0], program)
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
ended = False


def take(seconds):
    """Feeds what has come to the screen; waits at most so long for the first of it."""
    global ended
    ready, _, _ = select.select([master], [], [], seconds)
    if not ready or ended:
        return
    try:
        data = os.read(master, 65536)
    except OSError:
        data = b""
    ended = not data
    stream.feed(data)


def text():
    return "\n".join(line.rstrip() for line in screen.display).rstrip("\n")


def fail(what):
    print("in vain: %s\n%s" % (what, text()))
    os.kill(pid, signal.SIGKILL)
    sys.exit(1)


for step in steps:
    kind, _, value = step.partition(":")
    deadline = time.monotonic() + patience
    if kind == "type":
        # Between two prompts the terminal echoes by itself, and what is typed then is drawn twice.
        settled = time.monotonic() + 1
        while not ended and time.monotonic() < settled and termios.tcgetattr(master)[3] & termios.ICANON:
            take(0.02)
        os.write(master, value.encode().decode("unicode_escape").encode("latin-1"))
    elif kind == "wait":
        while not re.search(value, text(), re.M):
            if time.monotonic() > deadline or ended:
                fail(step)
            take(0.05)
    elif kind == "resize":
        columns, rows = pair(value)
        screen.resize(rows, columns)
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    elif kind == "screen":
        print("=\n%s\n=" % text())
    elif kind == "end":
        while not ended:
            if time.monotonic() > deadline:
                fail(step)
            take(0.05)
        print("exit %d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        sys.exit(0)
os.kill(pid, signal.SIGKILL)
