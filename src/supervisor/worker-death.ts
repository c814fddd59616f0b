/** How often a worker may die soon after its start before that is called a loop. */
export const deathsOfLoop = 3;

const faults = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGABRT', 'SIGFPE', 'SIGTRAP']);

/** What to do about workers that end like this again and again. */
export function adviceOn(how: string): string {
  if (how === 'SIGKILL')
    return 'if nobody killed it, memory ran out: see dmesg, and the memory limit of the service';
  if (faults.has(how))
    return 'a fault of the program, please report it; dataPlane: portable does without native code';
  return 'what it wrote to stderr tells why';
}
