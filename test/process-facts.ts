import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What Linux says of a process, in /proc. */
export interface ProcessFacts {
  readonly pid: number;
  /** But for unix sockets. */
  readonly sockets: number;
  /** Pipes and unix sockets. */
  readonly pipes: number;
  /** Everything open, sockets and pipes included. */
  readonly descriptors: number;
  /** Proportional set size, in KiB: shared pages count by halves, thirds and so on. */
  readonly pssKib: number;
  /** Time on a CPU so far, user and system. */
  readonly cpuMs: number;
}

const clockTicksPerSecond = 100;

export function processFacts(pid: number): ProcessFacts {
  const links = descriptorLinks(pid);
  const unixSockets = unixSocketLinks();
  const isPipe = (link: string) => link.startsWith('pipe:') || unixSockets.has(link);
  const fields = statFields(pid);
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return {
    pid,
    sockets: links.filter((link) => link.startsWith('socket:') && !isPipe(link)).length,
    pipes: links.filter(isPipe).length,
    descriptors: links.length,
    pssKib: Number(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1]),
    // utime and stime, fields 14 and 15.
    cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / clockTicksPerSecond,
  };
}

/** Their inodes are in the seventh column. */
function unixSocketLinks(): ReadonlySet<string> {
  const lines = readFileSync('/proc/net/unix', 'utf8').split('\n').slice(1);
  return new Set(lines.map((line) => `socket:[${line.trim().split(/\s+/)[6]}]`));
}

/** Those of proc_pid_stat(5) from the third on: they come after the name, which may hold spaces. */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** The IPv4 peers that a process has TCP connections with. */
export function tcpPeers(pid: number): ReadonlySet<string> {
  return new Set(
    tcpLines(pid).map((fields) => {
      const bytes = Buffer.from(fields[2]?.slice(0, 8) ?? '', 'hex');
      // Written as one number in the byte order of the machine.
      return [...bytes.reverse()].join('.');
    }),
  );
}

/** The IPv4 sockets of a process as the kernel lists them: addresses, state and queues in hexadecimal. */
export function tcpSockets(pid: number): readonly string[] {
  return tcpLines(pid).map((fields) => fields.slice(1, 5).join(' '));
}

function tcpLines(pid: number): string[][] {
  const inodes = new Set(descriptorLinks(pid).map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/)).filter((fields) => inodes.has(fields[9]));
}

/** What is closed meanwhile is left out, and so is all of a process that is gone. */
function descriptorLinks(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return orNothing(() => readdirSync(folder)).flatMap((fd) =>
    orNothing(() => [readlinkSync(`${folder}/${fd}`)]),
  );
}

function orNothing(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    return [];
  }
}
