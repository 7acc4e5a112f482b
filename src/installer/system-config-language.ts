/** Language and keyboard of a kickstart. Pure. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine } from '../kickstart/types.ts';
import { list, option, problemAt, text } from './command-words.ts';
import { leftOut } from './system-config-support.ts';

export interface LanguageConfig {
  readonly locale: string;
  readonly keymap: string;
  /** Layouts of X with their variants: `cz`, `cz (qwerty)`. */
  readonly layouts: readonly { readonly layout: string; readonly variant: string }[];
  /** Options of X that switch between layouts: `grp:alt_shift_toggle`. */
  readonly switching: readonly string[];
}

/** The image holds no other locales: a LANG that is not there makes every program complain. */
const IMAGE_LOCALES: readonly string[] = ['C', 'POSIX', 'C.UTF-8'];
const IMAGE_LOCALE = 'C.UTF-8';
const DEFAULT_KEYMAP = 'us';

export function readLanguage(commands: readonly CommandLine[]): {
  readonly language: LanguageConfig;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
} {
  const last = (name: string): CommandLine | undefined => commands.filter((one) => one.name === name).at(-1);
  const lang = last('lang');
  const keyboard = last('keyboard');
  const locale = lang?.positionals[0];
  const layouts = (keyboard === undefined ? [] : list(keyboard, '--xlayouts')).map(layoutOf);
  const keymap =
    (keyboard === undefined ? undefined : text(keyboard, '--vckeymap')) ??
    keyboard?.positionals[0]?.text ??
    // Anaconda asks langtable; the console's names for X's layouts differ by nothing but this hyphen where both exist.
    layouts.map(({ layout, variant }) => (variant === '' ? layout : `${layout}-${variant}`))[0] ??
    DEFAULT_KEYMAP;
  const words = [
    locale,
    ...['--vckeymap', '--xlayouts', '--switch'].map((name) => keyboard && option(keyboard, name)),
  ];
  return {
    language: {
      locale: locale?.text ?? IMAGE_LOCALE,
      keymap,
      layouts: layouts.length > 0 ? layouts : [{ layout: keymap, variant: '' }],
      switching: keyboard === undefined ? [] : list(keyboard, '--switch'),
    },
    problems: words.flatMap((word) =>
      word === undefined || /^[\w@.,:+() -]+$/.test(word.text)
        ? []
        : [problemAt(word, 'language', `'${word.text}' is no language or layout`)],
    ),
    warnings: [
      ...(locale === undefined || IMAGE_LOCALES.includes(locale.text)
        ? []
        : [leftOut(locale, `lang ${locale.text}`, `the image has no locale but ${IMAGE_LOCALE}`)]),
      ...(keyboard === undefined || keymap === DEFAULT_KEYMAP
        ? []
        : [
            leftOut(
              { ...keyboard, raw: 'keyboard' },
              `keyboard ${keymap}`,
              'the image has the layout us alone; /etc/vconsole.conf and /etc/default/keyboard record it',
            ),
          ]),
    ],
  };
}

/** `cz (qwerty)` → layout and variant. */
function layoutOf(word: string): { readonly layout: string; readonly variant: string } {
  const [, layout = word, variant = ''] = /^(\S+?)\s*(?:\(([^)]*)\))?$/.exec(word) ?? [];
  return { layout, variant };
}

/** `/etc/default/locale` */
export function localeFile({ locale }: LanguageConfig): string {
  if (IMAGE_LOCALES.includes(locale)) return `LANG=${locale}\n`;
  return `# The kickstart asks for ${locale}, this image has ${IMAGE_LOCALE}.\nLANG=${IMAGE_LOCALE}\n`;
}

/** `/etc/vconsole.conf` */
export const vconsoleFile = ({ keymap }: LanguageConfig): string => `KEYMAP=${keymap}\n`;

/** `/etc/default/keyboard`, Debian's one place for the layouts of console and X. */
export function keyboardFile({ layouts, switching }: LanguageConfig): string {
  const all = (key: 'layout' | 'variant'): string => layouts.map((one) => one[key]).join(',');
  return [
    'XKBMODEL="pc105"',
    `XKBLAYOUT="${all('layout')}"`,
    `XKBVARIANT="${all('variant').replace(/^,+$/, '')}"`,
    `XKBOPTIONS="${switching.join(',')}"`,
    '',
  ].join('\n');
}
