"""Hands and eyes of the oracle in its namespaces: runs commands there, puts raw frames on the wire, and returns what came out of the host
under test and what its legacy TRACE said. One JSON object a line in, one a line out."""
import ctypes, json, os, select, socket, struct, subprocess, sys, time

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


spaces = {}
own = os.open("/proc/self/ns/net", os.O_RDONLY)


def within(name, make):
    enter(spaces[name])
    try:
        return make()
    finally:
        enter(own)


ETH_P_ALL = 3
PACKET_OUTGOING = 4
SOL_NETLINK, NETLINK_NETFILTER = 270, 12


def packet_socket(dev):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((dev, ETH_P_ALL))
    s.setblocking(False)
    return s


def nflog_socket():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    s.bind((0, 0))

    def config(family, group, attribute, value):
        attr = struct.pack("=HH", 4 + len(value), attribute) + value
        attr += b"\0" * (-len(attr) % 4)
        body = struct.pack("=BBH", family, 0, socket.htons(group)) + attr
        s.send(struct.pack("=IHHII", 16 + len(body), (4 << 8) | 1, 5, 0, 0) + body)
        s.recv(65536)

    for family in (socket.AF_INET, socket.AF_INET6):
        config(family, 0, 1, b"\3")  # NFULNL_CFG_CMD_PF_BIND
    config(socket.AF_UNSPEC, 0, 1, b"\1")  # NFULNL_CFG_CMD_BIND
    config(socket.AF_UNSPEC, 0, 2, struct.pack(">IBx", 0xFFFF, 2))  # copy packets
    config(socket.AF_UNSPEC, 0, 5, struct.pack(">I", 1))  # NFULA_CFG_QTHRESH: at once
    s.setblocking(False)
    return s


def local4():
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return s


def local6():
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    s.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
    return s


wires, nflog, four, six = {}, None, None, None


def drain(found, records, lost):
    moved = False
    for dev, s in wires.items():
        while True:
            try:
                data, address = s.recvfrom(65536)
            except BlockingIOError:
                break
            moved = True
            if address[2] != PACKET_OUTGOING:
                found.append([dev, data.hex()])
    while True:
        try:
            data = nflog.recv(1 << 20)
        except BlockingIOError:
            break
        except OSError:
            lost[0] += 1
            continue
        moved = True
        at = 0
        while at + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if length < 16:
                break
            if kind == (4 << 8) | 0:
                records.append(data[at + 16 : at + length].hex())
            at += (length + 3) & ~3
    return moved


def inject(items, fresh=True):
    found, records, errors, lost = [], [], [], [0]
    if fresh:
        drain([], [], [0])
    for at, (dev, data) in enumerate(items):
        data = bytes.fromhex(data)
        try:
            if dev is not None:
                wires[dev].send(data)
            elif data[0] >> 4 == 4:
                four.sendto(data, (socket.inet_ntop(socket.AF_INET, data[16:20]), 0))
            else:
                six.sendto(data, (socket.inet_ntop(socket.AF_INET6, data[24:40]), 0, 0, 0))
        except OSError as error:
            errors.append([at, error.strerror])
        drain(found, records, lost)
    quiet = 0
    while quiet < 3:
        quiet = 0 if drain(found, records, lost) else quiet + 1
        time.sleep(0.0005)
    return {"found": found, "nflog": records, "errors": errors, "lost": lost[0]}


def run(name, commands):
    results = []
    enter(spaces[name])
    try:
        for argv, text in commands:
            done = subprocess.run(argv, input=text.encode(), capture_output=True)
            results.append([done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")])
    finally:
        enter(own)
    return results


def answer(request):
    global nflog, four, six
    op = request["op"]
    if op == "open":
        for name, path in request["spaces"].items():
            spaces[name] = os.open(path, os.O_RDONLY)
        return True
    if op == "listen":
        for dev in request["wires"]:
            wires[dev] = within("wire", lambda: packet_socket(dev))
        nflog = within("host", nflog_socket)
        four, six = within("host", local4), within("host", local6)
        return True
    if op == "inject":
        return inject(request["items"])
    if op == "collect":
        return inject([], False)
    return run(request["space"], request["commands"])


os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
for line in sys.stdin:
    try:
        reply = {"ok": answer(json.loads(line))}
    except Exception as error:
        reply = {"error": repr(error)}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
