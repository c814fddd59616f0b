import { parseCidr } from '../routing/cidr.ts';
import { parseServerNamePattern } from '../routing/server-name.ts';
import { text } from './fields.ts';
import { type Parsed, parsed, refused } from './parsed.ts';
import { show } from './wording.ts';

const maxNameLength = 100;

/** The name of a listener, a route, an upstream or a user. Names become labels of metrics and fields of the log. */
function parseName(written: string): Parsed<string> {
  const allowed = `is text of 1 to ${maxNameLength} characters, none of them a control character`;
  if (written === '') return refused(`is empty; allowed ${allowed}`);
  if (written.length > maxNameLength || /\p{C}/u.test(written)) {
    return refused(`${show(written)} is not a name; allowed ${allowed}`);
  }
  return parsed(written);
}

export function name(description: string, example: string) {
  return text({ parse: parseName, allowed: `is a name such as "${example}"`, description });
}

/** A prefix as written; an address alone is a prefix, too. */
export function prefix(description: string) {
  return text({
    parse: (written) => {
      const result = parseCidr(written);
      return result.ok ? parsed(written) : refused(result.problem);
    },
    allowed: 'are an address or a prefix, such as "192.0.2.0/24" or "2001:db8::/32"',
    description,
    examples: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'],
  });
}

export function serverNamePattern(description: string) {
  return text({
    parse: (written) => {
      const result = parseServerNamePattern(written);
      return result.ok ? parsed(result.pattern) : refused(result.problem);
    },
    allowed: 'are an exact name, "*.example.com" and "*"',
    description,
    examples: ['shop.example.com', '*.example.com', '*'],
  });
}

/** One server name, to ask for in a handshake. */
export function serverName(description: string) {
  return text({
    parse: (written) => {
      const result = parseServerNamePattern(written);
      if (result.ok && !result.pattern.startsWith('*')) return parsed(result.pattern);
      return refused(`${show(written)} is not a server name; allowed is a name such as "shop.example.com"`);
    },
    allowed: 'is a name such as "shop.example.com"',
    description,
    examples: ['shop.example.com'],
  });
}
