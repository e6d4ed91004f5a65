// Users and groups as /etc/passwd and /etc/group name them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface User {
  readonly name: string;
  readonly uid: number;
  /** Of its first group. */
  readonly gid: number;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  /** Names of users who have it besides their first group. */
  readonly members: readonly string[];
}

/** The accounts of a machine, as they were when they were read. */
export class Accounts {
  readonly users: readonly User[];
  readonly groups: readonly Group[];

  constructor(users: readonly User[], groups: readonly Group[]) {
    this.users = users;
    this.groups = groups;
  }

  /** Reads the files of the system whose root directory is `root`; what is missing has no accounts. */
  static read(root = '/'): Accounts {
    const users = lines(join(root, 'etc/passwd')).map(([name = '', , uid, gid]) => ({
      name,
      uid: Number(uid),
      gid: Number(gid),
    }));
    const groups = lines(join(root, 'etc/group')).map(([name = '', , gid, members = '']) => ({
      name,
      gid: Number(gid),
      members: members.split(',').filter((member) => member !== ''),
    }));
    return new Accounts(users, groups);
  }

  user(name: string): User | undefined {
    return this.users.find((user) => user.name === name);
  }

  group(name: string): Group | undefined {
    return this.groups.find((group) => group.name === name);
  }

  /** Everybody who has the group, as the first or another. */
  membersOf(group: Group): readonly User[] {
    return this.users.filter(({ name, gid }) => gid === group.gid || group.members.includes(name));
  }

  /** Names of the groups a user has. */
  groupsOf(user: User): readonly string[] {
    return this.groups
      .filter((group) => this.membersOf(group).includes(user))
      .map(({ name }) => name);
  }
}

function lines(path: string): readonly (readonly string[])[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .filter((line) => line.includes(':') && !line.startsWith('#'))
    .map((line) => line.split(':'));
}
