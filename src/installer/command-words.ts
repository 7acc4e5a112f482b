/** Reading a parsed kickstart command: options by name, problems at their words. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine, Place, Word } from '../kickstart/types.ts';

/** The last value given for an option, as Python's argparse keeps it. */
export function option(command: CommandLine, name: string): Word | undefined {
  return command.options.get(name)?.at(-1)?.value;
}

export function text(command: CommandLine, name: string): string | undefined {
  return option(command, name)?.text;
}

/** A whole number; the parser has checked that it is one. */
export function number(command: CommandLine, name: string): number | undefined {
  const word = option(command, name);
  return word === undefined ? undefined : Number(word.text);
}

export function flag(command: CommandLine, name: string): boolean {
  return command.options.has(name);
}

/** Comma separated values. */
export function list(command: CommandLine, name: string): readonly string[] {
  return (text(command, name) ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export function placeOf({ file, line, column }: Place): Place {
  return { file, line, column };
}

/** An error of the embedded installer at a place of the kickstart. */
export function problemAt(
  place: Place & { readonly raw?: string },
  rule: string,
  message: string,
  hint?: string,
): Problem {
  return {
    ...placeOf(place),
    ...(place.raw === undefined ? {} : { length: place.raw.length }),
    severity: 'error',
    rule,
    message,
    ...(hint === undefined ? {} : { hint }),
  };
}
