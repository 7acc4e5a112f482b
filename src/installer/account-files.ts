/** What /etc/passwd, /etc/group and /etc/shadow say. Pure; passwd(5), group(5), shadow(5). */

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
}

export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export interface ShadowEntry {
  readonly name: string;
  /** A hash, perhaps behind the `!` of a locked account. */
  readonly password: string;
  /** Days since 1970, empty when nobody says; 0 would ask for a new password at the next login. */
  readonly lastChange: string;
}

const fields = (text: string | undefined): readonly (readonly string[])[] =>
  (text ?? '')
    .split('\n')
    .filter((line) => line.includes(':'))
    .map((line) => line.split(':'));

export const parsePasswd = (text: string | undefined): readonly PasswdEntry[] =>
  fields(text).map(([name = '', , uid, gid, gecos = '', home = '', shell = '']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    gecos,
    home,
    shell,
  }));

export const parseGroups = (text: string | undefined): readonly GroupEntry[] =>
  fields(text).map(([name = '', , gid, members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(',').filter((member) => member !== ''),
  }));

export const parseShadow = (text: string | undefined): readonly ShadowEntry[] =>
  fields(text).map(([name = '', password = '', lastChange = '']) => ({ name, password, lastChange }));
