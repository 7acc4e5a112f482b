/** NEWS.md as an RPM's %changelog. */

export interface News {
  /** Of Slipway, as in the heading. */
  readonly version: string;
  /** `2026-12-01`; undefined while it is not released. */
  readonly date?: string;
  /** One text a bullet. */
  readonly notes: readonly string[];
}

/** Width of a changelog's lines. */
const WIDTH = 78;

/** Reads headings `## VERSION (DATE)` or `## VERSION (not released)` and the bullets below them. */
export function readNews(markdown: string): readonly News[] {
  return markdown
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [, version, date] = /^(\S+)(?: \((\d{4}-\d\d-\d\d)\))?/.exec(section) ?? [];
      if (version === undefined) return [];
      const notes = section
        .split(/^- /m)
        .slice(1)
        .map((note) => note.trim().replace(/\s+/g, ' '));
      return [{ version, ...(date === undefined ? {} : { date }), notes }];
    });
}

/**
 * The text below `%changelog`, newest first. What is not released has no day of its own: it gets that of `epoch`
 * (seconds), or of the newest release when that is later, since rpmbuild wants the days in order.
 *
 * @param release of the newest entry; the releases of older ones are not known any more.
 */
export function changelogText(news: readonly News[], release: string, epoch: number): string {
  const days = news.flatMap(({ date }) => (date === undefined ? [] : [Date.parse(date)]));
  const open = Math.max(epoch * 1000, ...days);
  return news
    .map(({ version, date, notes }, i) =>
      [
        `* ${rpmDay(date === undefined ? open : Date.parse(date))} Slipway - ${version}${i === 0 ? `-${release}` : ''}`,
        ...notes.map((note) => wrap(`- ${note.replaceAll('%', '%%')}`)),
      ].join('\n'),
    )
    .join('\n\n');
}

/** `Thu Jan 01 2026`, in UTC. */
function rpmDay(time: number): string {
  const [, weekday, day, month, year] = /^(\w+), (\d+) (\w+) (\d+)/.exec(new Date(time).toUTCString()) ?? [];
  return `${weekday} ${month} ${day} ${year}`;
}

function wrap(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `  ${word}`);
  }
  return lines.join('\n');
}
