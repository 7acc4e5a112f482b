/** The checks that several commands share, as small functions that make a {@link Check} from option names. */
import type { Check, Checked, Finding } from '../spec.ts';
import type { Word } from '../types.ts';

/** Where an option stands on the line; undefined when an earlier line set it. */
export function wordOf(line: Checked, option: string): Word | undefined {
  return line.line.options.get(option)?.at(-1)?.option;
}

/** Of these options no more than one may have a value. */
export function atMostOne(...options: readonly string[]): Check {
  return (line) => {
    const used = options.filter((option) => line.has(option));
    if (used.length < 2) return undefined;
    return {
      rule: 'option-conflict',
      message: `${used.join(' and ')} exclude each other`,
      at: wordOf(line, used.at(-1) ?? ''),
      hint: 'keep one of them',
    };
  };
}

/** At least one of these options must have a value. */
export function atLeastOne(...options: readonly string[]): Check {
  return (line) => {
    if (options.some((option) => line.has(option))) return undefined;
    return { rule: 'missing-option', message: `one of ${options.join(', ')} is required` };
  };
}

/** The option has an effect only together with another. */
export function needs(option: string, other: string, why: string): Check {
  return (line) => {
    if (!line.has(option) || line.has(other)) return undefined;
    return conflict(line, option, `${option} needs ${other}: ${why}`, `add ${other} or leave ${option} out`);
  };
}

/** The two options have no effect together. */
export function useless(option: string, beside: string): Check {
  return (line) => {
    if (!line.has(option) || !line.has(beside)) return undefined;
    return conflict(line, option, `${option} has no effect beside ${beside}`, `leave ${option} out`);
  };
}

/** Up to `limit` plain arguments are allowed. */
export function atMostArguments(limit: number): Check {
  return ({ line }) => {
    const extra = line.positionals[limit];
    if (extra === undefined) return undefined;
    return { rule: 'unexpected-argument', message: `'${extra.text}' is one argument too many`, at: extra };
  };
}

export function conflict(line: Checked, option: string, message: string, hint?: string): Finding {
  return {
    rule: 'option-conflict',
    message,
    at: wordOf(line, option),
    ...(hint === undefined ? {} : { hint }),
  };
}
