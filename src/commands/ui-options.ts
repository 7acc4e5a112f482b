/** Options of commands that show on a page what they do. */
import { InvalidArgumentError, Option } from 'commander';

export interface UiOptions {
  /** Shows on a page what goes on. */
  readonly ui?: boolean;
  /** Default one that is free. */
  readonly uiPort?: number;
}

/** `what` is shown, in the words of the help. */
export const uiOption = (what: string): Option =>
  new Option('--ui', `show ${what} on a page of this computer`);

export const uiPortOption = (): Option =>
  new Option('--ui-port <PORT>', 'the page, at this port; default one that is free').argParser(portNumber);

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('Write a port, 0 to 65535.');
  return port;
}
