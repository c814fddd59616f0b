import type { Credentials } from './messages.ts';

/** Becomes another user for good: groups first, because they need the right that goes with the user. Throws. */
export function dropPrivileges({ uid, gid, name }: Credentials): void {
  const { setgroups, setgid, setuid } = process;
  if (!setgroups || !setgid || !setuid) throw new Error('this platform has no users to change to');
  if (name === undefined) setgroups([gid]);
  else initgroups(name, gid);
  setgid(gid);
  setuid(uid);
}

/** All groups that the user is a member of. Node.js has it; its type declarations forgot it. */
function initgroups(user: string, extraGroup: number): void {
  const call: unknown = Reflect.get(process, 'initgroups');
  if (typeof call !== 'function') throw new Error('this platform has no supplementary groups');
  Reflect.apply(call, process, [user, extraGroup]);
}
