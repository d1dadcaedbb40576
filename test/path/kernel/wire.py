"""Puts frames on the wires of a namespace and says what came back by which of them. Standard input: one JSON list of batches; each batch is
a list of [device, frame in hex]. Standard output: one JSON list, for each batch what arrived after it, as [device, frame in hex]."""
import json, socket, sys, time

ETH_P_ALL = 3
PACKET_OUTGOING = 4

batches = json.load(sys.stdin)
wires = {}
for dev in sys.argv[1:]:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    wire.bind((dev, ETH_P_ALL))
    wire.setblocking(False)
    wires[dev] = wire


def drain(found):
    moved = False
    for dev, wire in wires.items():
        while True:
            try:
                data, address = wire.recvfrom(65536)
            except (BlockingIOError, OSError):
                break
            moved = True
            if address[2] != PACKET_OUTGOING:
                found.append([dev, data.hex()])
    return moved


answers = []
for batch in batches:
    found = []
    drain([])
    for dev, data in batch:
        try:
            wires[dev].send(bytes.fromhex(data))
        except OSError:
            pass  # A cable whose other end is down or too narrow: the frame is lost, and nothing comes of it.
    quiet = 0
    while quiet < 6:
        quiet = 0 if drain(found) else quiet + 1
        time.sleep(0.001)
    answers.append(found)
json.dump(answers, sys.stdout)
