import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type RequestOptions, RestClient } from "./rest-client.ts";

export interface Scene extends RequestOptions {
  /** What the answer has to be; 200 where unset. */
  readonly status?: number;
}

const patienceMs = 10_000;

/** Tells what happens at the edge: each request and its answer, as they are. Throws where an answer is not as it has to be. */
export class Story {
  private client: RestClient;

  constructor(edge: URL) {
    this.client = new RestClient(edge);
  }

  get token(): string | undefined {
    return this.client.token;
  }

  signIn(token: string | undefined): void {
    this.client = this.client.as(token);
  }

  tell(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  chapter(title: string): void {
    this.tell(`\n── ${title}`);
  }

  /** Makes a request, shows it and its answer, and gives what was answered as `data`. */
  async plays(request: string, { status = 200, ...options }: Scene = {}): Promise<Record<string, unknown>> {
    const answer = await this.ask(request, options);
    this.show(request, options, answer);
    if (answer.status !== status) throw new Error(`${request} should have been answered ${status}`);
    return answer.body.data ?? {};
  }

  /** Asks again until the answer has what is waited for; shows the last time only. */
  async waitsFor<T>(request: string, find: (data: unknown) => T | undefined | false): Promise<T> {
    const giveUpAt = Date.now() + patienceMs;
    for (;;) {
      const answer = await this.ask(request, {});
      const found = find(answer.body.data);
      if (found) {
        this.show(request, {}, answer);
        return found;
      }
      if (Date.now() > giveUpAt) throw new Error(`${request} never had what was waited for`);
      await sleep(50);
    }
  }

  private ask(request: string, options: RequestOptions): Promise<Answer> {
    const [method = "GET", path = "/"] = request.split(" ");
    return this.client.request(method, path, options);
  }

  private show(request: string, { body, headers = {} }: RequestOptions, { status, text }: Answer): void {
    const said = [request, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
    this.tell(`\n> ${said.join("  ")}`);
    if (body !== undefined) this.tell(`> ${JSON.stringify(body)}`);
    this.tell(`< ${status} ${shorten(text)}`);
  }
}

/** Tokens fill a screen and tell a reader nothing. */
function shorten(text: string): string {
  return text.replace(/("(?:refresh_)?token":"[^"]{12})[^"]+/g, "$1…");
}
