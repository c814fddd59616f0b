/** What an upstream does with its connections; each stands behind `*.BEHAVIOUR.test`. */
export const behaviours = [
  /** Sends back what it gets, the hello included. */
  'echo',
  /** Says something before it has read anything, and then echoes. */
  'speak-first',
  /** Sends a lot, and ends. */
  'bulk',
  /** Sends a little, byte by byte, and ends. */
  'trickle',
  /** Sends a little and ends, but goes on reading. */
  'half-close',
  /** Reads, and ends when the client does. */
  'mute',
  /** Never reads, and resets after a while. */
  'never-read',
  /** Sends something, and resets. */
  'reset-mid-stream',
  /** Resets what it has just accepted. */
  'accept-reset',
  /** Nobody listens. */
  'refuse',
  /** Nobody answers a connection attempt. */
  'hang',
] as const;

export type Behaviour = (typeof behaviours)[number];
