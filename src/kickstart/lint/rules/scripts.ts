/** Rules about scripts. */
import type { Section } from '../../types.ts';
import { isShell } from '../shell.ts';
import type { LintView, PracticeFinding, PracticeRule } from '../types.ts';

/*
 * The patterns bound what they skip, so that a body of any length is searched in linear time.
 */
/** `set -e`, also among other letters or as `-o errexit`, at the start of a line or behind a `;`. */
const STOPS_AT_FAILURE = /(^|;)[ \t]*set[ \t]+(-[a-zA-Z]*e|.{0,100}-o[ \t]+errexit)/m;
/** A download whose output goes into a shell, in one command. */
const PIPED_DOWNLOAD =
  /\b(curl|wget)\b[^\n;&|]{0,500}\|[ \t]{0,20}(sudo[ \t]{1,20})?(\/(usr\/)?bin\/)?(ba|da|z|k)?sh\b/g;
/** A download inside a command or process substitution that a shell executes. */
const SUBSTITUTED_DOWNLOAD =
  /\b(ba|da|z|k)?sh[ \t]{1,20}(-c[ \t]{1,20}["']?\$\(|<\()[ \t]{0,20}(curl|wget)\b/g;

export const SCRIPT_RULES: readonly PracticeRule[] = [
  {
    name: 'post-ignores-failure',
    severity: 'warning',
    title: '%post says --erroronfail or set -e.',
    why: 'Otherwise a failed command is forgotten, the installation ends well, and the machine is half configured.',
    remedy: 'write `%post --erroronfail`, and `set -e` as the first line of a shell script',
    wrong: `%post
systemctl enable httpd
%end`,
    right: `%post --erroronfail
set -e
systemctl enable httpd
%end`,
    check: (view) =>
      sections(view, ['post'])
        .filter((section) => section.body.trim() !== '' && !section.options.has('--erroronfail'))
        .filter((section) => !isShell(section) || !STOPS_AT_FAILURE.test(section.body))
        .map((section) => ({ at: section, message: 'a failure in this script is not noticed' })),
  },
  {
    name: 'download-into-shell',
    severity: 'warning',
    title: 'Nothing downloaded goes straight into a shell.',
    why: 'A connection that breaks half-way executes half a script; whoever answers on that address is root.',
    remedy: 'download to a file, compare its checksum, then execute it',
    wrong: `%post --erroronfail
curl -s https://example.com/setup.sh | bash
%end`,
    right: `%post --erroronfail
curl -sSf -o /root/setup.sh https://example.com/setup.sh
echo "9f86d081884c7d65  /root/setup.sh" | sha256sum -c
bash /root/setup.sh
%end`,
    check: (view) =>
      sections(view, ['pre', 'pre-install', 'post', 'onerror', 'traceback'])
        .filter(isShell)
        .flatMap((section) => [
          ...matches(section, PIPED_DOWNLOAD),
          ...matches(section, SUBSTITUTED_DOWNLOAD),
        ])
        .map((at) => ({ at, message: 'a download is executed unseen' })),
  },
];

function sections({ document }: LintView, names: readonly Section['name'][]): readonly Section[] {
  return document.items.filter((item) => item.kind === 'section').filter(({ name }) => names.includes(name));
}

function matches(section: Section, pattern: RegExp): readonly PracticeFinding['at'][] {
  const { file, body, bodyLine } = section;
  const found: PracticeFinding['at'][] = [];
  let line = bodyLine;
  let start = 0;
  for (const match of body.matchAll(pattern)) {
    for (
      let end = body.indexOf('\n', start);
      end >= 0 && end < match.index;
      end = body.indexOf('\n', start)
    ) {
      start = end + 1;
      line++;
    }
    const comment = body.slice(start, match.index).trimStart().startsWith('#');
    if (!comment) found.push({ file, line, column: match.index - start + 1 });
  }
  return found;
}
