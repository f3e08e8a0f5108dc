import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type RequestOptions, RestClient } from "../testing/rest-client.ts";

export interface Scene extends RequestOptions {
  /** What the answer has to be; 200 where unset. */
  readonly status?: number;
}

/** Who may sign in. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What of a letter is looked at. */
interface Letter {
  readonly subject: string;
  readonly body: string;
}

const patienceMs = 10_000;

/** Tells what happens at the edge: each request and its answer, as they are. Throws where an answer is not as it has to be. */
export class Story {
  private readonly admin: Credentials;
  private client: RestClient;

  constructor(edge: URL, admin: Credentials) {
    this.client = new RestClient(edge);
    this.admin = admin;
  }

  signIn(token: string): void {
    this.client = this.client.as(token);
  }

  /** Has somebody else do something, who is not signed in at first. */
  async asSomebodyElse<T>(scenes: () => Promise<T>): Promise<T> {
    const before = this.client;
    this.client = before.as(undefined);
    try {
      return await scenes();
    } finally {
      this.client = before;
    }
  }

  /** Has the admin do something, signed in for as long as it takes. */
  asAdmin<T>(scenes: () => Promise<T>): Promise<T> {
    const { username, password } = this.admin;
    return this.asSomebodyElse(async () => {
      this.client = await this.client.login(username, password);
      return scenes();
    });
  }

  /** Has many new members make the same request at once, and tells how many were answered what. */
  async rush(members: number, request: string): Promise<void> {
    const anonymous = this.client.as(undefined);
    const clients: RestClient[] = [];
    for (let member = 0; member < members; member++) clients.push((await anonymous.newUser()).client);
    const answers = await Promise.all(clients.map((client) => ask(client, request, {})));
    this.tell(`\n> ${members} × ${request}, at once`);
    const tally = Map.groupBy(answers, ({ status, body }) => `${status} ${body.code ?? body.message}`);
    for (const [outcome, { length }] of tally) this.tell(`< ${length} × ${outcome}`);
  }

  tell(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  chapter(title: string): void {
    this.tell(`\n── ${title}`);
  }

  /** Makes a request, shows it and its answer, and gives what was answered as `data`. */
  async plays(request: string, { status = 200, ...options }: Scene = {}): Promise<Record<string, unknown>> {
    const answer = await ask(this.client, request, options);
    this.show(request, options, answer);
    if (answer.status !== status) throw new Error(`${request} should have been answered ${status}`);
    return answer.body.data ?? {};
  }

  /** The same of another server than the edge, whose answers have no envelope. */
  async playsElsewhere(server: URL, request: string, options: RequestOptions): Promise<void> {
    const answer = await ask(new RestClient(server), request, options);
    this.show(request, options, answer);
    if (answer.status !== 200) throw new Error(`${request} should have been answered 200`);
  }

  /** Asks again until the answer has what is waited for; shows the last time only. */
  waitsFor<T>(request: string, find: (data: unknown) => T | undefined | false): Promise<T> {
    return this.waitsAt(this.client, request, ({ data }) => find(data));
  }

  /** Waits for a letter to somebody, as the development mailbox has it; answers its text. */
  async waitsForMail(to: string, about: string): Promise<string> {
    const { body } = await this.waitsFor(`GET /dev/messages?to=${to}&per_page=1`, (data) => {
      const [letter] = Array.isArray(data) ? (data as Letter[]) : [];
      return letter?.subject.includes(about) && letter;
    });
    return body;
  }

  /** The same of another server than the edge, whose answers have no envelope. */
  waitsElsewhere<T>(server: string, request: string, find: (body: unknown) => T | undefined | false): Promise<T> {
    return this.waitsAt(new RestClient(server), request, find);
  }

  private async waitsAt<T>(
    client: RestClient,
    request: string,
    find: (body: Answer["body"]) => T | undefined | false,
  ): Promise<T> {
    const giveUpAt = Date.now() + patienceMs;
    for (;;) {
      const answer = await ask(client, request, {});
      const found = find(answer.body);
      if (found) {
        this.show(request, {}, answer);
        return found;
      }
      if (Date.now() > giveUpAt) throw new Error(`${request} never had what was waited for`);
      await sleep(50);
    }
  }

  private show(request: string, { body, headers = {} }: RequestOptions, { status, text }: Answer): void {
    const said = [
      request.replace(/(\btoken=.{12})[^&]+/, "$1…"),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    this.tell(`\n> ${said.join("  ")}`);
    if (body !== undefined) this.tell(`> ${JSON.stringify(body)}`);
    this.tell(`< ${status} ${shorten(text)}`);
  }
}

function ask(client: RestClient, request: string, options: RequestOptions): Promise<Answer> {
  const [method = "GET", path = "/"] = request.split(" ");
  return client.request(method, path, options);
}

/** Tokens fill a screen and tell a reader nothing. */
function shorten(text: string): string {
  return text.replace(/("(?:refresh_|watch_)?token":"[^"]{12})[^"]+/g, "$1…");
}
