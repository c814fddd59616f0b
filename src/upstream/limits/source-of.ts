/**
 * What limits on sources take for one client: an IPv4 address as it is, the first four groups of an IPv6 address,
 * which is what one subscriber is given. `address`: canonical text, IPv4 even where it came mapped into IPv6.
 */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  const end = endOfFourGroups(address);
  if (end !== undefined) return address.slice(0, end);
  const [before = '', after = ''] = address.split('::');
  const [head, tail] = [groups(before), groups(after)];
  const zeros = Array<string>(Math.max(8 - head.length - tail.length, 0)).fill('0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}

/** Where the fourth group ends; undefined when a `::` comes before. */
function endOfFourGroups(address: string): number | undefined {
  let colon = address.indexOf(':');
  for (let group = 1; group < 4; group += 1) {
    if (address[colon + 1] === ':') return undefined;
    colon = address.indexOf(':', colon + 1);
  }
  return colon;
}

function groups(part: string): string[] {
  return part === '' ? [] : part.split(':');
}
