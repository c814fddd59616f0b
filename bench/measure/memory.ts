import { readFileSync } from 'node:fs';

/** Bytes of user memory: each shared page counts in parts. */
export function userBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kibibytes = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    return sum + Number(kibibytes) * 1024;
  }, 0);
}

/** What the kernel keeps sockets, descriptors, epoll entries and pipes in. Not what outlives a connection. */
const caches = /^(TCP|TCPv6|sock_inode_cache|filp|dentry|inode_cache|eventpoll_\S+|kmalloc-\S+|skbuff_\S+) /;

/** Bytes of kernel memory of the whole machine; undefined where the kernel does not tell. */
export function kernelBytes(): number | undefined {
  try {
    return readFileSync('/proc/slabinfo', 'utf8')
      .split('\n')
      .filter((line) => caches.test(line))
      .map((line) => line.split(/\s+/))
      .reduce((sum, [, active, , size]) => sum + Number(active) * Number(size), 0);
  } catch {
    return undefined;
  }
}
