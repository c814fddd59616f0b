/** What a roster notes in its members. */
export interface Member {
  /** Where it stands in its roster; -1: in none. The roster's to write. */
  place: number;
}

/**
 * Who is here, in no order. A `Set` would do, but for what comes and goes fast: it leaves its outgrown tables behind,
 * each with its members and a pointer to the next. Once one of them is old, the collector of young garbage keeps all
 * that follow, and most of what ended connections leave.
 */
export class PortableRoster<T extends Member> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    member.place = this.#members.push(member) - 1;
  }

  /** Whoever is not here stays so. */
  delete(member: T): void {
    if (this.#members[member.place] !== member) return;
    const last = this.#members.pop() ?? member;
    if (last !== member) {
      this.#members[member.place] = last;
      last.place = member.place;
    }
    member.place = -1;
  }

  /** Those who are here now. */
  all(): readonly T[] {
    return [...this.#members];
  }
}
