import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { PortableRoster } from '../../src/data-plane/portable-roster.ts';

function member(name: string) {
  return { name, place: -1 };
}

describe('a roster', () => {
  it('keeps those who stay, whoever leaves', () => {
    const roster = new PortableRoster<ReturnType<typeof member>>();
    const [first, second, third] = [member('first'), member('second'), member('third')];
    for (const each of [first, second, third]) roster.add(each);
    roster.delete(first);
    assert.deepEqual(new Set(roster.all()), new Set([second, third]));
    roster.delete(third);
    roster.delete(second);
    assert.equal(roster.size, 0);
  });

  it('takes no notice of one who leaves twice, or was never here', () => {
    const roster = new PortableRoster<ReturnType<typeof member>>();
    const [left, stays] = [member('left'), member('stays')];
    roster.add(left);
    roster.delete(left);
    roster.add(stays);
    roster.delete(left);
    roster.delete(member('stranger'));
    assert.deepEqual(roster.all(), [stays]);
  });

  it('tells who is here now, while they leave', () => {
    const roster = new PortableRoster<ReturnType<typeof member>>();
    for (const name of ['a', 'b', 'c', 'd']) roster.add(member(name));
    for (const each of roster.all()) roster.delete(each);
    assert.equal(roster.size, 0);
  });
});
