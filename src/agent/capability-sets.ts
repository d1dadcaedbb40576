/**
 * What this process may do and the programs that it starts may, too: a capability of node's own file (setcap) is not passed on, and rules are read
 * by other programs. capabilities(7), "Transformation of capabilities during execve()".
 */

/** include/uapi/linux/capability.h */
export const CAP_NET_ADMIN = 12n;
export const CAP_NET_RAW = 13n;
export const CAP_SYS_PTRACE = 19n;
export const CAP_SYS_ADMIN = 21n;

export interface CapabilitySets {
  readonly uid: number | null;
  /** This process has it, and so has what it starts. */
  has(capability: bigint): boolean;
  /** This process has it for itself alone. */
  keeps(capability: bigint): boolean;
}

/** `status`: /proc/PID/status, proc_pid_status(5); an empty text is somebody who may do nothing. */
export const capabilitySets = (status: string): CapabilitySets => {
  const set = (name: string): bigint => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
  const uid = /^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1];
  const effective = set('CapEff');
  const passedOn = uid === '0' ? effective : effective & set('CapAmb');
  const isIn = (all: bigint, capability: bigint): boolean => ((all >> capability) & 1n) === 1n;
  return {
    uid: uid === undefined ? null : Number(uid),
    has: (capability) => isIn(passedOn, capability),
    keeps: (capability) => isIn(effective, capability) && !isIn(passedOn, capability),
  };
};
