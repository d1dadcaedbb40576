"""Sends frames on an interface at a steady rate: sendmmsg(2) on a packet socket, past the qdisc (packet(7), PACKET_QDISC_BYPASS).

    send.py INTERFACE PACKETS_PER_SECOND SECONDS FLOWS

UDP from FLOWS port pairs, 60 bytes a frame. It prints how many frames the kernel took.
"""
import ctypes
import socket
import struct
import sys
import time

interface, rate, seconds, flows = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
BATCH = 64
SOL_PACKET, PACKET_QDISC_BYPASS, ETH_P_IP = 263, 20, 0x0800


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class MmsgHdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vectors", ctypes.c_void_p), ("vector_count", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t), ("flags", ctypes.c_int), ("sent", ctypes.c_uint)]


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def frame(index):
    payload = b"%018d" % index
    udp = struct.pack("!HHHH", 20000 + index % 40000, 9000 + index // 40000, 8 + len(payload), 0) + payload
    addresses = socket.inet_aton("10.77.0.1") + socket.inet_aton("10.77.0.2")
    start = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(udp), index & 0xFFFF, 0, 64, 17)
    ip = start + struct.pack("!H", checksum(start + b"\0\0" + addresses)) + addresses
    return bytes.fromhex("0200000000020200000000010800") + ip + udp


frames = [ctypes.create_string_buffer(data, len(data)) for data in map(frame, range(max(flows, BATCH)))]
vectors = (IoVec * len(frames))(*[IoVec(ctypes.addressof(one), len(one)) for one in frames])
headers = (MmsgHdr * len(frames))()
for at in range(len(frames)):
    headers[at].vectors = ctypes.addressof(vectors[at])
    headers[at].vector_count = 1

sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
sender.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
sender.bind((interface, 0))
sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
size = ctypes.sizeof(MmsgHdr)
first = ctypes.addressof(headers)

sent, at, begun = 0, 0, time.monotonic()
while True:
    elapsed = time.monotonic() - begun
    if elapsed >= seconds:
        break
    due = int(elapsed * rate) - sent
    if due <= 0:
        time.sleep(0.0005)
        continue
    count = min(BATCH, due, len(frames) - at)
    taken = sendmmsg(sender.fileno(), ctypes.c_void_p(first + at * size), count, 0)
    if taken < 0:
        continue
    sent += taken
    at = (at + taken) % len(frames)
print(sent)
