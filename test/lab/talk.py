"""Speaks and listens in several network namespaces at once for the tests of who reaches whom: one JSON object a line in, one a line out.
A socket stays in the namespace that it was made in (network_namespaces(7)), so one process serves all."""
import ctypes, errno, json, os, resource, select, socket, struct, sys, time

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
own = os.open("/proc/self/ns/net", os.O_RDONLY)
spaces = {}
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def enter(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


poll = select.epoll()
listeners, arrivals, held = {}, [], []


def listen(space, proto, port):
    for family in (socket.AF_INET, socket.AF_INET6):
        enter(spaces[space])
        try:
            s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
        finally:
            enter(own)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The answer must leave from the address that was asked.
        if proto == "udp":
            s.setsockopt(*((socket.IPPROTO_IP, 8, 1) if family == socket.AF_INET else (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)))
        s.bind(("", port))
        if proto == "tcp":
            s.listen(4096)
        s.setblocking(False)
        listeners[s.fileno()] = (s, space, proto, family)
        poll.register(s.fileno(), select.EPOLLIN)


def serve(fd):
    s, space, proto, family = listeners[fd]
    while True:
        try:
            if proto == "tcp":
                c, peer = s.accept()
                held.append(c)
            else:
                data, info, _, peer = s.recvmsg(2048, 256)
                info = [(level, kind, value) for level, kind, value in info if (level, kind) in ((socket.IPPROTO_IP, 8), (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO))]
                if family == socket.AF_INET:
                    # in_pktinfo: answer from the address asked, by whatever route leads there.
                    info = [(level, kind, struct.pack("=I", 0) + value[8:12] + b"\0" * 4) for level, kind, value in info]
                else:
                    info = [(level, kind, value[:16] + struct.pack("=I", 0)) for level, kind, value in info]
                try:
                    s.sendmsg([data], info, 0, peer)
                except OSError:
                    pass
        except (BlockingIOError, ConnectionError):
            return
        arrivals.append([space, proto, peer[0], peer[1]])


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def start(item):
    """A socket on its way, or the error's name."""
    v6 = ":" in item["dst"]
    family = socket.AF_INET6 if v6 else socket.AF_INET
    proto = item["proto"]
    enter(spaces[item["space"]])
    try:
        if proto == "icmp":
            s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
        else:
            s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    finally:
        enter(own)
    s.setblocking(False)
    try:
        if proto != "icmp":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("", item["key"]))
        s.connect((item["dst"], item.get("dport", 0)))
        if proto == "udp":
            s.send(b"vethscope")
        elif proto == "icmp":
            head = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, item["key"], 1)
            s.send(head if v6 else struct.pack("!BBHHH", 8, 0, checksum(head), item["key"], 1))
    except BlockingIOError:
        pass
    except OSError as error:
        s.close()
        return errno.errorcode.get(error.errno, str(error.errno))
    return s


def heard(s, item, v6, events):
    """What came back, or None while nothing has."""
    if item["proto"] == "tcp":
        code = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return "answered" if code == 0 else errno.errorcode.get(code, str(code))
    while True:
        try:
            data = s.recv(2048)
        except BlockingIOError:
            return None
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error.errno))
        if item["proto"] == "udp":
            return "answered"
        at = 0 if v6 else (data[0] & 15) * 4
        kind, _, _, ident = struct.unpack_from("!BBHH", data, at)
        if ident == item["key"] and kind == (129 if v6 else 0):
            return "answered"


def talk(items, quiet, most):
    """Starts all, then waits until nothing more has come for `quiet` seconds; for answers that are awaited, longer: a lost SYN comes again after one."""
    arrivals.clear()
    results, going = {}, {}
    for item in items:
        s = start(item)
        if isinstance(s, str):
            results[item["key"]] = s
            continue
        going[s.fileno()] = (s, item)
        poll.register(s.fileno(), (select.EPOLLOUT if item["proto"] == "tcp" else select.EPOLLIN) | select.EPOLLERR)
    began = last = time.monotonic()
    while time.monotonic() < began + most:
        waits = any(item.get("awaited") for _, item in going.values())
        events = poll.poll(max(0.001, (began + most if waits else last + quiet) - time.monotonic()))
        if not events:
            break
        for fd, flags in events:
            if fd in listeners:
                serve(fd)
                last = time.monotonic()
                continue
            s, item = going[fd]
            answer = heard(s, item, ":" in item["dst"], flags)
            if answer is None:
                continue
            last = time.monotonic()
            results[item["key"]] = answer
            poll.unregister(fd)
            del going[fd]
            (held.append if item["proto"] == "tcp" else socket.socket.close)(s)
    for fd, (s, item) in going.items():
        results[item["key"]] = "silence"
        poll.unregister(fd)
        s.close()
    return {"results": [[key, value] for key, value in results.items()], "arrivals": list(arrivals)}


def answer(request):
    op = request["op"]
    if op == "open":
        for name, path in request["spaces"].items():
            spaces[name] = os.open(path, os.O_RDONLY)
    elif op == "listen":
        for space, proto, port in request["at"]:
            listen(space, proto, port)
    else:
        return talk(request["items"], request["quietMs"] / 1000, request["mostMs"] / 1000)
    return True


for line in sys.stdin:
    try:
        reply = {"ok": answer(json.loads(line))}
    except Exception as error:
        reply = {"error": repr(error)}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
