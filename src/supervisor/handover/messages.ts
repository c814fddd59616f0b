import { z } from 'zod';

/**
 * What a running proxy gives to the one that takes its place: this in the environment, the descriptors themselves by
 * inheritance. Two versions of the program talk here: what is said may be added to, and never changed.
 */
export const handover = z.object({
  /** How often the program has been replaced, the one that reads this included. */
  generation: z.int().nonnegative(),
  listeners: z.array(
    z.object({
      name: z.string(),
      /** As it is configured; null: every address. */
      host: z.string().nullable(),
      port: z.int(),
      /** It is a service manager's, who keeps it. */
      isActivated: z.boolean(),
      /** In the order in which the workers have them. */
      descriptors: z.array(z.int().nonnegative()),
    }),
  ),
});
export type Handover = z.infer<typeof handover>;

export const handoverVariable = 'SLUICE_HANDOVER';

/** Over the channel that Node.js opens between a process and its child. */
export const toPredecessor = z.discriminatedUnion('kind', [
  /** It serves. `kept`: the descriptors, of those it was given, that it goes on with. */
  z.object({ kind: z.literal('ready'), kept: z.array(z.int()) }),
  /** Lines for people. */
  z.object({ kind: z.literal('failed'), problems: z.array(z.string()) }),
]);
export type ToPredecessor = z.infer<typeof toPredecessor>;

/** The one before accepts nothing more, or is about to. */
export const toSuccessor = z.object({ kind: z.literal('take-over') });
export type ToSuccessor = z.infer<typeof toSuccessor>;
