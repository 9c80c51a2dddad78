import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { startGroup } from './process-group.js';
import type { Scope } from './scope.js';
import { waitFor } from './wait-for.js';

const program = `
import json, socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0' + name[1:] if name.startswith('@') else name)
print('bound', flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`;

/** One message: `STATUS` -> text. */
export type Message = Readonly<Record<string, string>>;

/** The end of a service manager that listens, as systemd has it: a socket of datagrams, which node has not. */
export class NotifySocket {
  readonly messages: Message[] = [];

  private constructor(
    /** For `NOTIFY_SOCKET`. */
    readonly name: string,
  ) {}

  /** @param name an absolute path, or `@name` */
  static async listen(scope: Scope, name: string): Promise<NotifySocket> {
    const socket = new NotifySocket(name);
    const group = startGroup(scope, 'python3', ['-c', program, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let isBound = false;
    createInterface({ input: group.leader.stdout as Readable }).on('line', (line) => {
      if (!isBound) isBound = line === 'bound';
      else socket.messages.push(parsed(JSON.parse(line) as string));
    });
    await waitFor(() => isBound, { what: 'the notify socket' });
    return socket;
  }

  /** Waits until some message, from this index on, fits. @returns its index */
  async waitFor(what: string, fits: (message: Message) => boolean, from = 0): Promise<number> {
    let index = -1;
    await waitFor(
      () => {
        index = this.messages.findIndex((message, at) => at >= from && fits(message));
        return index >= 0 || JSON.stringify(this.messages.slice(-10));
      },
      { what },
    );
    return index;
  }
}

const parsed = (text: string): Message =>
  Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
