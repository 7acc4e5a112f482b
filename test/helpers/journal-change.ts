/** What a write to the agent's journal adds to it, in words. */

interface Journal {
  readonly verdict?: { readonly state?: string };
  readonly steps?: Readonly<Record<string, { readonly state: string; readonly at: string }>>;
}

/** `<state> <step>`, or `verdict <state>`. Both are texts of the journal; the empty one is none. */
export function changedRecord(before: string, after: string): string {
  const old: Journal = before === '' ? {} : JSON.parse(before);
  const now: Journal = JSON.parse(after);
  if (before === '' || old.verdict?.state !== now.verdict?.state) return `verdict ${now.verdict?.state}`;
  const changed = Object.entries(now.steps ?? {}).find(
    ([id, record]) => JSON.stringify(record) !== JSON.stringify(old.steps?.[id]),
  );
  return changed === undefined ? 'nothing new' : `${changed[1].state} ${changed[0]}`;
}
