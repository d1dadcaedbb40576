"""Asks ports as a client does, all at once, and tells what the client sees: one JSON list of [address, port, protocol, text] in argv, one
JSON list of [result, own address, own port] out; an empty line is said after each text. A stream that is accepted and then ends without a word is `closed`."""
import json, socket, sys, threading

PATIENCE_S = float(sys.argv[2]) if len(sys.argv) > 2 else 1.2
questions = json.loads(sys.argv[1])
results = [None] * len(questions)


def ask(n, address, port, protocol, text):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
    s.settimeout(PATIENCE_S)
    try:
        s.connect((address, port))
    except ConnectionRefusedError:
        results[n] = ["refused", None, None]
        return
    except OSError:
        results[n] = ["lost", None, None]
        return
    own = s.getsockname()[:2]
    try:
        s.sendall((text + "\r\n\r\n").encode())
        said = s.recv(4096)
        results[n] = ["answered" if said else "closed", *own]
        while said and protocol != "udp":
            said = s.recv(4096)
    except socket.timeout:
        results[n] = results[n] or ["silent", *own]
    except ConnectionRefusedError:
        results[n] = ["refused", *own]
    except OSError:
        results[n] = results[n] or ["closed", *own]
    s.close()


threads = [threading.Thread(target=ask, args=(n, *question)) for n, question in enumerate(questions)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(results))
