import type { Random } from '../tls/random.ts';
import type { Behaviour } from './behaviours.ts';
import { drawOpening } from './openings.ts';
import { addressTail, type Cut, type Plan } from './plan.ts';

export function drawPlan(random: Random, index: number): Plan {
  const opening = drawOpening(random, index);
  const { fate } = opening;
  const behaviour = fate.kind === 'forwarded' ? fate.behaviour : undefined;
  const uploadBytes = behaviour === undefined ? 0 : drawUpload(random, behaviour);
  const downBytes = drawDown(random, behaviour);
  return {
    index,
    address: `127.${addressTail(index)}`,
    ...opening,
    ...drawPieces(random, opening.opening.length),
    uploadBytes,
    downBytes,
    pauseMs: random.below(8) === 0 ? random.below(200) : 0,
    // Nobody would ever end.
    endsFirst: behaviour === 'echo' || behaviour === 'speak-first' || random.below(3) > 0,
    cut: opening.cut ?? drawCut(random, behaviour, uploadBytes, downBytes),
  };
}

function drawUpload(random: Random, behaviour: Behaviour): number {
  if (behaviour === 'accept-reset' || behaviour === 'refuse' || behaviour === 'hang') {
    return random.below(4) === 0 ? random.below(5_000) : 0;
  }
  return drawSize(random, behaviour === 'never-read' ? 4 : 3);
}

/** Mostly little; the higher `scale`, the more. */
function drawSize(random: Random, scale: number): number {
  const most = [0, 100, 5_000, 100_000, 2_000_000][random.below(scale + 1)] ?? 0;
  return random.below(most + 1);
}

function drawDown(random: Random, behaviour: Behaviour | undefined): number {
  switch (behaviour) {
    case 'bulk':
      return 1 + random.below(random.below(4) === 0 ? 4_000_000 : 300_000);
    case 'trickle':
      return 1 + random.below(20);
    case 'half-close':
      return random.below(5_000);
    case 'reset-mid-stream':
      return 1 + drawSize(random, 3);
    default:
      return 0;
  }
}

function drawPieces(random: Random, length: number): { pieceBytes: number; pieceGapMs: number } {
  const kind = random.below(10);
  if (kind < 6 || length === 0) return { pieceBytes: Math.max(1, length), pieceGapMs: 0 };
  if (kind < 9) return { pieceBytes: 1 + random.below(length), pieceGapMs: random.below(3) };
  return { pieceBytes: Math.max(1, Math.ceil(length / 100)), pieceGapMs: 1 };
}

function drawCut(
  random: Random,
  behaviour: Behaviour | undefined,
  uploadBytes: number,
  downBytes: number,
): Cut | undefined {
  if (random.below(7) > 0) return undefined;
  if (behaviour === undefined || random.below(2) === 0)
    return { after: 'sent', bytes: random.below(uploadBytes + 1), how: 'reset' };
  const most = behaviour === 'echo' ? uploadBytes + 1 : downBytes;
  return { after: 'received', bytes: 1 + random.below(Math.max(1, most)), how: 'reset' };
}
