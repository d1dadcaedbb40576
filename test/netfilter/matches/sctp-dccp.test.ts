import { conformance, skb, udp } from '../support.ts';

const header = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 132, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
const init = new Uint8Array([...header, 0x9c, 0x40, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4]);
const initAndData = new Uint8Array([...init, 0, 3, 0, 5, 0x41, 0, 0, 0]);
const sctp = (bytes: Uint8Array | null = null) => skb({ protocol: 132, tcpFlags: null, bytes, length: bytes?.length ?? 36 });

conformance('sctp_mt in xt_sctp.c; iptables-extensions(8), sctp', [
  ['-p sctp -m sctp --dport 80', sctp(), true],
  ['-p sctp -m sctp ! --dport 80', sctp(), false],
  ['-p sctp -m sctp --dport 80', udp(), false],
  ['-p sctp -m sctp --chunk-types any INIT', sctp(init), true],
  ['-p sctp -m sctp --chunk-types any DATA', sctp(init), false],
  ['-p sctp -m sctp ! --chunk-types any DATA', sctp(init), true],
  ['-p sctp -m sctp --chunk-types all INIT,DATA', sctp(initAndData), true],
  ['-p sctp -m sctp --chunk-types only INIT', sctp(init), true],
  ['-p sctp -m sctp --chunk-types only INIT', sctp(initAndData), false],
  ['-p sctp -m sctp --chunk-types any INIT', sctp(), 'unknown'],
]);

const request = new Uint8Array([...header.slice(0, 9), 33, ...header.slice(10), 0x9c, 0x40, 0, 80, 4, 0, 0, 0, 1, 0, 0, 0]);

conformance('dccp_mt in xt_dccp.c; iptables-extensions(8), dccp', [
  ['-p dccp -m dccp --dport 80', skb({ protocol: 33 }), true],
  ['-p dccp -m dccp --dccp-types REQUEST', skb({ protocol: 33, bytes: request }), true],
  ['-p dccp -m dccp --dccp-types RESPONSE,DATA', skb({ protocol: 33, bytes: request }), false],
  ['-p dccp -m dccp --dccp-types REQUEST', skb({ protocol: 33 }), 'unknown'],
]);
